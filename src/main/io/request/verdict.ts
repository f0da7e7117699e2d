/** What becomes of a command on its way: every step answers with one of these. */

/** No decision yet: the next step is asked. */
export const PASS = -1;
/** Done or under way: parse the next command. */
export const NEXT = 0;
/** Begun; nothing more is parsed for now (barrier set, or the connection closes). */
export const WAIT = 1;
/** Not begun: come back to this command when the barrier falls. */
export const AGAIN = 2;

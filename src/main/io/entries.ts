/** The programs that an I/O thread starts. This file stands where the bundle that holds it does: see ../entries.ts. */
export const DESCRIPTOR_COPY_CHILD = new URL('./descriptor-copy-child.js', import.meta.url);

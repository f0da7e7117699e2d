/** The commands of places, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { geoMemberCommands } from './geo.js';
import { geoSearchCommands } from './search.js';

export const geoCommands: readonly CommandDef<ExecContext>[] = [...geoMemberCommands, ...geoSearchCommands];

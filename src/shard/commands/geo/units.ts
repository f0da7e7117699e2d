/** The units of distances, for the descriptions of the GEO commands. */
import { token } from '../../../shared/command/shorthand.js';
import type { ArgSpec } from '../../../shared/command/spec.js';

export const GEO_UNITS: readonly ArgSpec[] = ['m', 'km', 'ft', 'mi'].map((unit) => token(unit));

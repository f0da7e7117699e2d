#!/usr/bin/env node
/**
 * Where the program `sherd` begins: switches on Node's cache of compiled code (where there is one, it halves the
 * start), which must happen before anything else is loaded, and runs the program.
 */
import module from 'node:module';

(module as { enableCompileCache?: () => void }).enableCompileCache?.();
// Node.js would open its debugger for everybody on this machine; program.ts says so in the log.
process.on('SIGUSR1', () => {});
const { runProgram } = await import('./program.js');
process.exit(await runProgram(process.argv.slice(2)));

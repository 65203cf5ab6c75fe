/**
 * The command line: one class per command, each a few lines over the packages beside it. Everything
 * here runs on the main thread and ends with exit code 0 (done), 1 (failed) or 2 (misuse).
 */
package io.lockstep.tools.cli;

/**
 * A whole cluster on one machine under one directory, and the records by which its processes are
 * found again. Runs on the caller's thread.
 */
package io.lockstep.tools.quickstart;

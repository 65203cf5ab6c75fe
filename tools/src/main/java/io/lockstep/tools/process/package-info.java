/**
 * The processes of a cluster: composition roots, and what each process needs of its machine
 * (identity, port, log, ready file, stopping). Threads belong to what is composed; the main thread
 * only waits for the end.
 */
package io.lockstep.tools.process;

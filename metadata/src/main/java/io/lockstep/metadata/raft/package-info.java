/**
 * The master's log: Apache Ratis (which keeps the log and elects the leader), the state machine
 * that executes its entries on the store, and the group commit that packs operations into entries.
 *
 * <p>Entries are executed on one thread, Ratis' updater. It alone writes the store; it calls {@link
 * io.lockstep.metadata.raft.RaftEvents}, which hand over to agents of their own.
 */
package io.lockstep.metadata.raft;

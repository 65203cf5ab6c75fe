/**
 * The metadata master: its front, and what it does on its own.
 *
 * <p>Queries run on a small pool over pinned states of the store. Mutations go to the commit agent
 * and are answered from the log's updater thread. All else - sessions, daemons, configurations,
 * volumes, settling, collecting - is confined to the master agent, which never waits: calls to
 * daemons, to lockd and to the log come back to it as tasks.
 */
package io.lockstep.metadata.server;

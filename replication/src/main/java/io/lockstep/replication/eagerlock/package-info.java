/**
 * The eager lock: one state machine per inode and client that decides which operations run under
 * the lease, when it is taken and when it goes (DESIGN I2). Pure: no clock, no thread; events in,
 * effects out. Confined to the replication agent in production.
 */
package io.lockstep.replication.eagerlock;

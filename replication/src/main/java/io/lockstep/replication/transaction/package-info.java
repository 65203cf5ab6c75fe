/**
 * One change of one object on all members of its replica set: who gets it, who is blamed when it
 * fails, when it is done (DESIGN I3, P2, P8). Pure: no clock, no thread; events in, effects out.
 */
package io.lockstep.replication.transaction;

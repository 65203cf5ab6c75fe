/**
 * Which replicas a daemon has, in which state, and how a background verify may act on what it sees
 * (I6, I7).
 *
 * <p>Pure: confined to the daemon's control agent, which makes each transition durable before it
 * acts on it.
 */
package io.lockstep.replication.registry;

/**
 * A client's way to the master: finds the leader, keeps the session alive, repeats a request until
 * it is answered or its time is over.
 *
 * <p>{@link io.lockstep.metadata.client.MasterClient} is the entrance. Calls begin on the caller's
 * thread; repeats, renewals and listeners run on the client's agent.
 */
package io.lockstep.metadata.client;

/**
 * How a member that is not in step becomes equal to one that is: the heal of a returning replica
 * (P2, P3, P9, P10) and the settling of one object (P1).
 *
 * <p>Pure state machines: replies go in, requests come out; {@code replication.server} carries them
 * out and confines each machine to its control agent. {@link
 * io.lockstep.replication.heal.TakenRanges} is confined to the disk agent of its object.
 */
package io.lockstep.replication.heal;

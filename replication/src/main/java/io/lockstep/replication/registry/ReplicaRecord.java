package io.lockstep.replication.registry;

/**
 * Immutable. What the registry knows of one replica.
 *
 * @param set the replica set: the replica's name
 * @param volume it belongs to
 * @param state see {@link ReplicaState}
 * @param epoch of the record: rises with every change of any record, so it names one change
 * @param whole whether the replica ever was in step; one that was not is healed by comparing
 *     everything
 */
public record ReplicaRecord(long set, long volume, ReplicaState state, long epoch, boolean whole) {}

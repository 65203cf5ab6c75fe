/**
 * Where the master's state meets the disk: RocksDB behind the port of {@code metadata.kv}, the
 * generations that readers pin, and the identity of the data directory.
 *
 * <p>One thread writes (that of the Raft state machine); any thread reads through snapshots.
 */
package io.lockstep.metadata.store;

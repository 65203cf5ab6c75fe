/**
 * The port to an ordered key-value store, and its two implementations: a map in memory for tests
 * and the simulator, RocksDB in production ({@code metadata.store}). Keys are compared as unsigned
 * bytes.
 *
 * <p>A store has one writer, which owns the open batch; snapshots may be taken and read on any
 * thread. {@link io.lockstep.metadata.kv.KvOverlay} is the batch in memory that both stores use.
 */
package io.lockstep.metadata.kv;

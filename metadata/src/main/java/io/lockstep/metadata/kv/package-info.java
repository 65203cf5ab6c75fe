/**
 * The port to an ordered key-value store, and its two implementations: a map in memory for tests
 * and the simulator, RocksDB in production ({@code metadata.store}). Keys are compared as unsigned
 * bytes.
 */
package io.lockstep.metadata.kv;

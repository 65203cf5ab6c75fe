/**
 * The disk of a simulated storage daemon: a filesystem in memory behind {@code java.nio.file}, so
 * that the production store runs on it unchanged, and the rows that stand for RocksDB. Both know
 * what would survive a loss of power. Confined to the thread of the simulation.
 */
package io.lockstep.simulation.disk;

/**
 * Load on any mounted directory, with a check of every block that is read: threads write one file
 * through several descriptors while descriptors are flushed, synced and closed. What a read returns
 * must be the last write or one that overlaps the read.
 */
package io.lockstep.tools.stress;

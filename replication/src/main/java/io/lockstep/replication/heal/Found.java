package io.lockstep.replication.heal;

import io.lockstep.replication.marks.DirtyMark;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. One object of a listing, as far as the heal of one member is concerned.
 *
 * @param pendingVersion of the mark for that member; 0 = none
 * @param dirty the dirty mark that stands where it was listed, or null
 */
public record Found(long inode, long pendingVersion, @Nullable DirtyMark dirty) {}

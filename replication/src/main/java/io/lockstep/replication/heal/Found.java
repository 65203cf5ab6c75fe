package io.lockstep.replication.heal;

import io.lockstep.replication.marks.DirtyMark;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. One object of a listing, as far as the heal of one member is concerned.
 *
 * @param pendingVersion of the mark for that member; 0 = none
 * @param ownDirty of a local listing: the dirty mark that stands here, or null
 */
public record Found(long inode, long pendingVersion, @Nullable DirtyMark ownDirty) {}

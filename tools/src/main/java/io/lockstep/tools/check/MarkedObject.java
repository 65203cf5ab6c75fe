package io.lockstep.tools.check;

import java.util.List;

/**
 * Immutable. One object of one member whose record says that something is not done yet.
 *
 * @param file its path in the volume, or a word in place of it
 * @param dirty token and cycle of the dirty mark, a write may be in flight; null without one
 * @param half whether its bytes are being replaced, and are no copy to read
 * @param missedBy members that a pending mark names: they lack changes that are here
 */
public record MarkedObject(
    long set,
    int member,
    String address,
    long inode,
    String file,
    long size,
    String dirty,
    boolean half,
    List<Integer> missedBy) {}

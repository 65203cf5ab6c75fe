/**
 * What one member remembers of one object beside its bytes: the fence, the dirty mark, the pending
 * marks and the tombstone, and the rules by which they change (I1, I5, P2, P7, P10, P15).
 *
 * <p>Pure: values and functions, no thread owns anything here. {@code replication.store} keeps the
 * values, {@code replication.server} asks the rules.
 */
package io.lockstep.replication.marks;

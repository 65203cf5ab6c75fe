/**
 * Byte-range locks (fcntl) and whole-file locks (flock) of applications as a pure state machine:
 * inputs with a time, effects as values.
 *
 * <p>{@link io.lockstep.lockd.posix.FileLockTable} is the only entrance; everything here is
 * confined to the agent that owns the table. It takes no lock, no clock and no chance.
 */
package io.lockstep.lockd.posix;

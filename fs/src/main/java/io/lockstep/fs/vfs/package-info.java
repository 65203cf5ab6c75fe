/**
 * The filesystem as inodes, names and handles: one call per operation, blocking until a deadline,
 * ending in a result or in an {@link io.lockstep.core.Outcome}. Nothing here knows FUSE.
 *
 * <p>{@link io.lockstep.fs.vfs.Vfs} is the door. It asks the master for names and attributes
 * through a {@link io.lockstep.fs.vfs.MasterPort} and leaves the bytes of files to {@link
 * io.lockstep.fs.vfs.Contents}. All calls may come from any thread at the same time; the only state
 * kept here is what is open: {@link io.lockstep.fs.vfs.HandleTable} and {@link
 * io.lockstep.fs.vfs.OpenInodes}, each guarded by its own lock and never held across a message. The
 * one thread of this package tells the master which inodes were closed.
 *
 * <p>Entries and attributes are kept only under directory leases ({@link io.lockstep.fs.vfs.Names},
 * {@link io.lockstep.fs.vfs.NameCache}): all else is asked of the master. The sizes and times that
 * this mount holds under a file's lease are laid over both.
 */
package io.lockstep.fs.vfs;

/**
 * The mount: jnr-fuse binds libfuse 2, {@link io.lockstep.fs.fuse.FuseAdapter} turns each kernel
 * request into one call of the vfs.
 *
 * <p>libfuse has two interfaces. The one that jnr-fuse wraps in classes gives each <em>path</em> a
 * node of its own: a file that another mount replaces shares its kernel pages with its successor,
 * two hard links have two sets of pages, and fstat or fchmod of an unlinked open file fail. So the
 * other one is bound here, with jnr-fuse's own {@link ru.serce.jnrfuse.LibFuse} and structures: its
 * nodes are our inodes, its names are bytes in the request, and the kernel can be told to drop what
 * it keeps of an inode.
 *
 * <p>libfuse 2 stops at protocol 7.19, the kernel does not: {@link io.lockstep.fs.fuse.InitReply}
 * completes what libfuse says at the start, so that requests carry 1 MiB and small writes are one
 * request each.
 *
 * <p>Threads: {@code fuse-N} take requests from the kernel and serve them to the end, but for
 * locks, which are answered by whoever hears of the answer ({@link
 * io.lockstep.fs.fuse.LockOperations}); {@code fuse-invalidate-N} tell the kernel what to forget,
 * because that may wait for a request. None of them ever touches the mount point.
 */
package io.lockstep.fs.fuse;

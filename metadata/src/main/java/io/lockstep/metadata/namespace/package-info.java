/**
 * The namespace: inodes, directories, links and xattrs of all volumes over an ordered key-value
 * store. Pure: time and choice come with the request; nothing here is shared between threads. The
 * master applies mutations on the thread of its log and answers queries from snapshots on others.
 *
 * <p>{@link io.lockstep.metadata.namespace.Namespace} is the door, {@code KeyLayout} the page that
 * describes the format.
 */
package io.lockstep.metadata.namespace;

/**
 * The disk of a storage daemon: identity and lock of its data directory, the directories of
 * replicas, objects in files with a checksum per block, and marks, registry and checksums in
 * RocksDB.
 *
 * <p>{@link io.lockstep.replication.store.StoredObject} and {@link
 * io.lockstep.replication.store.ObjectTable} are confined to the disk agent of the object; {@link
 * io.lockstep.replication.store.ReplicaDb} may be used by all threads.
 *
 * <pre>
 * DIR/identity               kind, version, cluster, daemon
 * DIR/incarnation            kind, version, number of starts
 * DIR/lock                   held while the daemon runs
 * DIR/db/                    RocksDB
 * DIR/replicas/SET/replica   kind, version, set, volume, daemon
 * DIR/replicas/SET/objects/XX/INODE.0      bytes of the head layer; XX = last byte of INODE
 * DIR/quarantine/            what a scan or verify removed, each with a file that says why
 * </pre>
 */
package io.lockstep.replication.store;

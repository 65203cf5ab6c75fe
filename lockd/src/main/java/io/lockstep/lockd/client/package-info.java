/**
 * A client's way to lockd for the locks of its applications: {@link
 * io.lockstep.lockd.client.FileLocks} is confined to the agent of its mount, but for what any
 * thread may ask of it. Leases are not here: they belong to the content of files.
 */
package io.lockstep.lockd.client;

/**
 * The storage daemon: requests, agents and the way to the master.
 *
 * <p>Each object belongs to one disk agent, which alone touches its marks, file and checksums; the
 * control agent owns the registry, configurations, registration, heal and settling. Requests come
 * on transport threads and are only handed over there; blocking syncs, scans and deletions run on
 * the I/O executor and come back as messages.
 */
package io.lockstep.replication.server;

/**
 * The client side of replication: file contents of one mount. Callers' threads block in {@link
 * io.lockstep.replication.client.FileContent}; everything that decides is confined to one agent,
 * and what both touch ({@code WriteBuffer}, {@code BufferBudget}, {@code ConfigCache}) guards
 * itself by a lock of its own, under which nothing waits and nothing is sent.
 */
package io.lockstep.replication.client;

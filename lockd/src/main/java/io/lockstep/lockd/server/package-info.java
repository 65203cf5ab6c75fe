/**
 * lockd as a server: messages in, messages out, around one lease table.
 *
 * <p>Everything is confined to one agent, but for the fast answer to "who owns the size of this
 * file" ({@link io.lockstep.lockd.server.SizeOwners}), which any thread may ask.
 */
package io.lockstep.lockd.server;

/**
 * The ports that messages go through, whatever carries them: Netty in production ({@code
 * wire.netty}), direct calls inside one process, the simulator's network in tests. No thread lives
 * here.
 */
package io.lockstep.wire;

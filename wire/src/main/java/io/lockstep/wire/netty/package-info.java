/**
 * Messages over TCP with Netty: frames, handshake, a server and the connections of a client.
 *
 * <p>Each connection is confined to one event loop, which never blocks; what comes from other
 * threads (calls, answers, pushes) is handed to that loop. Only {@link
 * io.lockstep.wire.netty.SessionLines} is shared between loops; it is guarded by its own lock.
 *
 * <h2>Frame, version 1</h2>
 *
 * <pre>
 *   0        4      6    7    8           12         16
 *   +--------+------+----+----+-----------+----------+-- - - --+-- - - - --+--------+
 *   | total  | 'LS' | 1  |type| headerLen | flags 0  | header  | payload   | crc32c |
 *   | u32    | u16  | u8 | u8 | u32       | u32      | bytes   | bytes     | u32    |
 *   +--------+------+----+----+-----------+----------+-- - - --+-- - - - --+--------+
 *   |&lt;------------------------- total ----------------------------------------------&gt;|
 *   |&lt;------------------ covered by the checksum ------------------------&gt;|
 * </pre>
 *
 * All integers are big-endian. {@code header} is one Protobuf message, of the kind that {@code
 * type} names ({@link io.lockstep.wire.netty.FrameType}); {@code payload} is what is left between
 * header and checksum: file data never goes through Protobuf. The checksum is CRC-32C (Castagnoli).
 *
 * <p>Bounds: {@code headerLen} at most {@link io.lockstep.core.Limits#HEADER_BYTES_MAX}, payload at
 * most {@link io.lockstep.core.Limits#PAYLOAD_BYTES_MAX}; before the handshake is through {@code
 * total} is at most 64 KiB. A frame that breaks any rule (length, magic, version, type, flags,
 * checksum, Protobuf) closes the connection: there is no way to find the start of the next one. The
 * first 16 bytes of version 1 are what every later version begins with, so that a newer peer can
 * say WRONG_VERSION in a HELLO_REPLY.
 *
 * <h2>Connection</h2>
 *
 * <pre>
 *   client                                   server
 *   HELLO (version, challenge, who)   --&gt;
 *                                     &lt;--    HELLO_REPLY (challenge, proof, who | code)
 *   HELLO_PROOF (proof)               --&gt;
 *                                     &lt;--    HELLO_REPLY (code)     once older connections are done
 *   REQUEST (call 1) ...              --&gt;
 *                                     &lt;--    REPLY (call 1), PUSH   in any order
 * </pre>
 */
package io.lockstep.wire.netty;

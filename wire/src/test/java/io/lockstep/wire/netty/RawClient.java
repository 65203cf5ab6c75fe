package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Payload;
import io.lockstep.wire.message.HelloReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.netty.buffer.Unpooled;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Confined to one thread. A client on a plain socket that can misbehave. */
final class RawClient implements AutoCloseable {
  private static final int TIMEOUT_MS = 20_000;

  final Socket socket;
  private final DataInputStream in;

  RawClient(NettyServer server) throws IOException {
    this(server.port(), 0);
  }

  /** A small receive buffer makes a client that does not read fill up at once. */
  RawClient(int port, int receiveBytes) throws IOException {
    socket = new Socket();
    if (receiveBytes > 0) {
      socket.setReceiveBufferSize(receiveBytes);
    }
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MS);
    socket.setSoTimeout(TIMEOUT_MS);
    in = new DataInputStream(socket.getInputStream());
  }

  void send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  void send(FrameType type, MessageLite message) throws IOException {
    send(Frames.encode(type, message, Payload.EMPTY));
  }

  void request(long call, Request request) throws IOException {
    send(FrameType.REQUEST, request.toBuilder().setCall(call).build());
  }

  /** The next frame, its payload on the heap; null if the server closed the connection. */
  InboundFrame receive() throws IOException {
    byte[] length = new byte[4];
    try {
      in.readFully(length);
      byte[] frame = Arrays.copyOf(length, ByteBuffer.wrap(length).getInt());
      in.readFully(frame, 4, frame.length - 4);
      InboundFrame decoded = FrameFormat.decode(Unpooled.wrappedBuffer(frame));
      return decoded;
    } catch (EOFException | SocketException e) {
      return null;
    } catch (BadFrame e) {
      throw new IOException(e);
    }
  }

  Reply reply() throws IOException {
    return (Reply) receive().message();
  }

  /** Whether the server closes the connection, whatever it sends before. */
  boolean isClosedByServer() throws IOException {
    InboundFrame frame;
    do {
      frame = receive();
    } while (frame != null);
    return true;
  }

  /** Proves the secret; the verdict is left for {@link #verdict}. */
  RawClient prove(long session, long connection) throws IOException, Outcome {
    ClientHandshake handshake =
        new ClientHandshake(
            new Credentials(Loopback.SECRET, Loopback.CLUSTER),
            Loopback.CLUSTER,
            Identity.of("client"),
            session,
            connection,
            new byte[32]);
    send(FrameType.HELLO, handshake.hello());
    send(FrameType.HELLO_PROOF, handshake.onReply((HelloReply) receive().message()));
    return this;
  }

  /** The code of the server's verdict: 0 = welcome. */
  int verdict() throws IOException {
    return ((HelloReply) receive().message()).getCode();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}

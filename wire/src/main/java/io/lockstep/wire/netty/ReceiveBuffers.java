package io.lockstep.wire.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;

/**
 * Confined to the event loop of its channel. Where a socket puts what it receives: buffers of a
 * size that follows the traffic, but the rest of a long frame goes to where {@link FrameDecoder}
 * gathers it, so that no byte of it is copied again.
 */
final class ReceiveBuffers implements RecvByteBufAllocator {
  private static final int BYTES_MIN = 2 << 10;
  private static final int BYTES_FIRST = 16 << 10;

  /** What of a long frame comes in the same buffer as its beginning is copied. */
  private static final int BYTES_MAX = 64 << 10;

  /** A shorter rest is not worth a system call of its own. */
  private static final int LENT_BYTES_MIN = 16 << 10;

  private final RecvByteBufAllocator sizes =
      new AdaptiveRecvByteBufAllocator(BYTES_MIN, BYTES_FIRST, BYTES_MAX);
  private final FrameDecoder decoder;

  ReceiveBuffers(FrameDecoder decoder) {
    this.decoder = decoder;
  }

  @Override
  @SuppressWarnings("deprecation") // Netty still asks for it.
  public Handle newHandle() {
    return new Lending((ExtendedHandle) sizes.newHandle());
  }

  private final class Lending extends DelegatingHandle implements ExtendedHandle {
    private final ExtendedHandle adaptive;

    Lending(ExtendedHandle adaptive) {
      super(adaptive);
      this.adaptive = adaptive;
    }

    @Override
    public ByteBuf allocate(ByteBufAllocator alloc) {
      ByteBuf lent = decoder.lend(LENT_BYTES_MIN);
      return lent == null ? super.allocate(alloc) : lent;
    }

    @Override
    public boolean continueReading(UncheckedBooleanSupplier maybeMore) {
      return adaptive.continueReading(maybeMore);
    }
  }
}

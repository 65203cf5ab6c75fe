package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.NamesGrant;
import org.jetbrains.lincheck.datastructures.LongGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * One name in one directory: looked up under the lease that the lookup brings, touched, recalled.
 */
@Param(name = "lease", gen = LongGen.class, conf = "1:6")
public class NameCacheOperations {
  private static final ByteString NAME = ByteString.copyFromUtf8("name");
  private static final NamesGrant GRANT = NamesGrant.newBuilder().setAsked(true).build();
  private static final Attributes FILE =
      Attributes.newBuilder().setInode(2).setType(FileType.REGULAR).setNlink(1).build();

  private final NameCache cache = new NameCache(10);

  /** Asks the master, whose answer is the same always. */
  @Operation
  public boolean walk() {
    NameAsk ask = cache.ask(1, true, false);
    cache.onWalked(ask, NAME, FILE, GRANT);
    return ask.lease != 0;
  }

  @Operation
  public void recall(@Param(name = "lease") long lease) {
    cache.onRecall(1, lease);
  }

  @Operation
  public void touch() {
    cache.onTouched(2);
  }

  @Operation
  public int entries() {
    return cache.entries();
  }
}

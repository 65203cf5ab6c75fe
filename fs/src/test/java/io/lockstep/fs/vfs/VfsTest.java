package io.lockstep.fs.vfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.LockAction;
import io.lockstep.wire.message.Request.BodyCase;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The vfs over the real namespace in memory. */
class VfsTest {
  private static final Caller ROOT = Caller.getDefaultInstance();
  private static final Caller USER = Caller.newBuilder().setUid(1000).setGid(1000).build();
  private static final OpenMode EXCLUSIVE = new OpenMode(true, true, true, false, false);

  private final MemoryVfs memory = new MemoryVfs();
  private final MemoryMaster master = memory.master;
  private final Vfs vfs = memory.vfs();
  private final long root = master.root();

  @AfterEach
  void close() {
    memory.close();
  }

  private static ByteString name(String text) {
    return ByteString.copyFromUtf8(text);
  }

  private static ErrorCode codeOf(ThrowingCallable call) {
    Outcome outcome = catchThrowableOfType(Outcome.class, call);
    assertThat(outcome).as("the call should fail").isNotNull();
    return outcome.code();
  }

  private Files.Created create(String text) throws Outcome {
    return vfs.files().create(ROOT, root, name(text), 0644, EXCLUSIVE);
  }

  private void write(long handle, long offset, String text) throws Outcome {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    vfs.files().write(handle, offset, bytes, false);
  }

  private String read(long handle) throws Outcome {
    ByteBuffer bytes = ByteBuffer.allocate(100);
    int count = vfs.files().read(handle, 0, bytes);
    return new String(bytes.array(), 0, count, StandardCharsets.UTF_8);
  }

  @Test
  void aPathIsOneMessage() throws Outcome {
    Attributes a = vfs.makeDirectory(ROOT, root, name("a"), 0755);
    Attributes b = vfs.makeDirectory(ROOT, a.getInode(), name("b"), 0755);
    int before = master.asked(BodyCase.WALK);
    List<Attributes> found = vfs.resolve(root, List.of(name("a"), name("b"), name("..")));
    assertThat(found)
        .extracting(Attributes::getInode)
        .containsExactly(a.getInode(), b.getInode(), a.getInode());
    assertThat(master.asked(BodyCase.WALK)).isEqualTo(before + 1);
  }

  @Test
  void aNameThatIsTooLongIsRefusedWithoutAsking() {
    ByteString name = name("x".repeat(256));
    assertThat(codeOf(() -> vfs.lookup(root, name))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(codeOf(() -> vfs.makeDirectory(ROOT, root, name, 0755)))
        .isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(codeOf(() -> vfs.rename(ROOT, root, name("a"), root, name)))
        .isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(master.asked(BodyCase.WALK)).isZero();
  }

  @Test
  void anInodeIsRegisteredOnceAndClosedOnce() throws Outcome {
    Files.Created created = create("f");
    long inode = created.attributes().getInode();
    long second = vfs.files().open(ROOT, inode, OpenMode.READ);
    assertThat(master.asked(BodyCase.OPEN_INODE)).isZero();
    assertThat(vfs.openInodes()).containsExactly(inode);
    vfs.files().release(created.handle());
    assertThat(master.open()).containsExactly(inode);
    vfs.files().release(second);
    Awaitility.await().atMost(5, TimeUnit.SECONDS).until(() -> master.open().isEmpty());
    long third = vfs.files().open(ROOT, inode, OpenMode.READ);
    assertThat(master.asked(BodyCase.OPEN_INODE)).isEqualTo(1);
    assertThat(master.open()).containsExactly(inode);
    vfs.files().release(third);
  }

  @Test
  void aLostLockIsToldToWhoCutsTheFileThroughItsDescriptor() throws Outcome {
    Files.Created created = create("f");
    long inode = created.attributes().getInode();
    long handle = created.handle();
    write(handle, 0, "bytes");
    LockSpec all = new LockSpec(inode, false, 1, 0, Long.MAX_VALUE, 1);
    CompletableFuture<ErrorCode> locked = new CompletableFuture<>();
    vfs.locks().set(handle, all, LockAction.LOCK_WRITE, true, locked::complete);
    assertThat(locked.orTimeout(5, TimeUnit.SECONDS).join()).isEqualTo(ErrorCode.OK);
    CompletableFuture<Long> lost = new CompletableFuture<>();
    vfs.locks().onLost(lost::complete);
    memory.locks().onSessionEnded("test");
    assertThat(lost.orTimeout(5, TimeUnit.SECONDS).join()).isEqualTo(inode);
    AttributeChange cut = new AttributeChange().size(2);
    assertThat(codeOf(() -> vfs.setAttributes(ROOT, inode, handle, cut)))
        .isEqualTo(ErrorCode.IO_ERROR);
    assertThat(vfs.attributes(inode).getSize()).isEqualTo(5);
    assertThat(codeOf(() -> vfs.locks().set(handle, all, LockAction.UNLOCK, false, code -> {})))
        .isEqualTo(ErrorCode.IO_ERROR);
    assertThat(vfs.setAttributes(ROOT, inode, handle, cut).getSize()).isEqualTo(2);
    vfs.files().release(handle);
  }

  @Test
  void aFileWithoutANameLivesUntilItsLastHandle() throws Outcome {
    Files.Created created = create("f");
    long inode = created.attributes().getInode();
    write(created.handle(), 0, "bytes");
    vfs.unlink(ROOT, root, name("f"));
    assertThat(read(created.handle())).isEqualTo("bytes");
    assertThat(vfs.attributes(inode).getNlink()).isZero();
    AttributeChange cut = new AttributeChange().size(2).mode(0600);
    assertThat(vfs.setAttributes(ROOT, inode, cut).getSize()).isEqualTo(2);
    assertThat(read(created.handle())).isEqualTo("by");
    vfs.files().release(created.handle());
    Awaitility.await().atMost(5, TimeUnit.SECONDS).until(() -> master.attributes(inode) == null);
    assertThat(codeOf(() -> vfs.files().open(ROOT, inode, OpenMode.READ)))
        .isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(vfs.openInodes()).isEmpty();
  }

  @Test
  void aReleasedHandleIsBad() throws Outcome {
    long handle = create("f").handle();
    vfs.files().release(handle);
    assertThat(codeOf(() -> read(handle))).isEqualTo(ErrorCode.BAD_HANDLE);
    assertThat(codeOf(() -> vfs.files().release(handle))).isEqualTo(ErrorCode.BAD_HANDLE);
  }

  @Test
  void handlesAreBounded() throws Outcome {
    VfsOptions few = new VfsOptions(MemoryMaster.VOLUME, root, false, 1_000_000_000L, 2);
    try (Vfs small =
        new Vfs(master, new MemoryContents(master), memory.locks(), few, SystemClock.INSTANCE)) {
      long inode = create("f").attributes().getInode();
      long first = small.files().open(ROOT, inode, OpenMode.READ);
      small.files().open(ROOT, inode, OpenMode.READ);
      assertThat(codeOf(() -> small.files().open(ROOT, inode, OpenMode.READ)))
          .isEqualTo(ErrorCode.TOO_MANY_OPEN_FILES);
      small.files().release(first);
      small.files().open(ROOT, inode, OpenMode.READ);
    }
  }

  @Test
  void creationWithoutExclusiveOpensWhatIsThere() throws Outcome {
    Files.Created first = create("f");
    write(first.handle(), 0, "bytes");
    Files.Created second = vfs.files().create(ROOT, root, name("f"), 0600, OpenMode.READ_WRITE);
    assertThat(second.attributes().getInode()).isEqualTo(first.attributes().getInode());
    assertThat(read(second.handle())).isEqualTo("bytes");
    OpenMode truncate = new OpenMode(true, true, false, true, false);
    Files.Created third = vfs.files().create(ROOT, root, name("f"), 0600, truncate);
    assertThat(third.attributes().getSize()).isZero();
    assertThat(read(second.handle())).isEmpty();
    assertThat(codeOf(() -> create("f"))).isEqualTo(ErrorCode.EXISTS);
  }

  @Test
  void creationDoesNotOpenTheFileOfAnotherWithoutPermission() throws Outcome {
    vfs.setAttributes(ROOT, create("f").attributes().getInode(), new AttributeChange().mode(0600));
    OpenMode mode = OpenMode.READ_WRITE;
    assertThat(codeOf(() -> vfs.files().create(USER, root, name("f"), 0600, mode)))
        .isEqualTo(ErrorCode.ACCESS_DENIED);
  }

  @Test
  void creationOverADirectoryMakesTheCallerLookAgain() throws Outcome {
    vfs.makeDirectory(ROOT, root, name("d"), 0755);
    OpenMode mode = OpenMode.READ_WRITE;
    assertThat(codeOf(() -> vfs.files().create(ROOT, root, name("d"), 0600, mode)))
        .isEqualTo(ErrorCode.STALE_HANDLE);
  }

  @Test
  void aHandleForReadingDoesNotWrite() throws Outcome {
    long inode = create("f").attributes().getInode();
    long handle = vfs.files().open(ROOT, inode, OpenMode.READ);
    assertThat(codeOf(() -> write(handle, 0, "x"))).isEqualTo(ErrorCode.BAD_HANDLE);
  }

  @Test
  void aFileEndsAtTheLimit() throws Outcome {
    long handle = create("f").handle();
    assertThat(codeOf(() -> write(handle, (1L << 43) - 4096, "x")))
        .isEqualTo(ErrorCode.FILE_TOO_BIG);
    assertThat(codeOf(() -> vfs.files().allocate(handle, 4096, Long.MAX_VALUE, true, false, false)))
        .isEqualTo(ErrorCode.FILE_TOO_BIG);
  }

  @Test
  void aReadOnlyVfsChangesNothing() throws Outcome {
    long inode = create("f").attributes().getInode();
    VfsOptions options = VfsOptions.of(MemoryMaster.VOLUME, root).withReadOnly(true);
    try (Vfs readOnly =
        new Vfs(
            master, new MemoryContents(master), memory.locks(), options, SystemClock.INSTANCE)) {
      assertThat(codeOf(() -> readOnly.unlink(ROOT, root, name("f"))))
          .isEqualTo(ErrorCode.READ_ONLY);
      assertThat(codeOf(() -> readOnly.files().open(ROOT, inode, OpenMode.READ_WRITE)))
          .isEqualTo(ErrorCode.READ_ONLY);
      readOnly.files().release(readOnly.files().open(ROOT, inode, OpenMode.READ));
    }
  }

  @Test
  void onlyUserXattrsAreKept() throws Outcome {
    long inode = create("f").attributes().getInode();
    ByteString value = ByteString.copyFrom(new byte[] {0, -1});
    vfs.setXattr(ROOT, inode, name("user.a"), value, false, false);
    assertThat(vfs.getXattr(inode, name("user.a"))).isEqualTo(value);
    assertThat(vfs.listXattr(inode)).containsExactly(name("user.a"));
    int before = master.asked(BodyCase.GET_XATTR);
    assertThat(codeOf(() -> vfs.getXattr(inode, name("security.capability"))))
        .isEqualTo(ErrorCode.NOT_SUPPORTED);
    assertThat(codeOf(() -> vfs.getXattr(inode, name("user."))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(master.asked(BodyCase.GET_XATTR)).isEqualTo(before);
    ByteString huge = ByteString.copyFrom(new byte[65_537]);
    assertThat(codeOf(() -> vfs.setXattr(ROOT, inode, name("user.b"), huge, false, false)))
        .isEqualTo(ErrorCode.ARGUMENTS_TOO_LONG);
    vfs.removeXattr(ROOT, inode, name("user.a"));
    assertThat(vfs.listXattr(inode)).isEmpty();
  }

  @Test
  void aListingGoesOnBehindItsCursorWhileNamesComeAndGo() throws Outcome {
    for (int i = 0; i < 1200; i++) {
      vfs.makeNode(ROOT, root, name("f" + i), FileType.REGULAR, 0600, 0);
    }
    long handle = vfs.directories().open(root);
    List<String> seen = new ArrayList<>();
    long[] cursor = {0};
    int[] room = {0};
    int rounds = 0;
    do {
      room[0] = 7;
      vfs.directories()
          .read(
              handle,
              cursor[0],
              false,
              (entry, inode, type, next, attributes) -> {
                if (room[0] == 0) {
                  return false;
                }
                room[0]--;
                seen.add(entry.toStringUtf8());
                cursor[0] = next;
                return true;
              });
      vfs.unlink(ROOT, root, name("f" + 6 * rounds));
      rounds++;
    } while (room[0] == 0);
    vfs.directories().release(handle);
    assertThat(seen).doesNotHaveDuplicates().startsWith(".", "..");
    for (int i = 0; i < 1200; i++) {
      if (i % 6 != 0) {
        assertThat(seen).contains("f" + i);
      }
    }
  }

  @Test
  void aListingFromTheStartIsFresh() throws Outcome {
    long handle = vfs.directories().open(root);
    assertThat(list(handle)).containsExactly(".", "..");
    vfs.makeDirectory(ROOT, root, name("d"), 0755);
    assertThat(list(handle)).containsExactly(".", "..", "d");
  }

  private List<String> list(long handle) throws Outcome {
    List<String> names = new ArrayList<>();
    vfs.directories()
        .read(
            handle,
            0,
            false,
            (entry, inode, type, next, attributes) -> names.add(entry.toStringUtf8()));
    return names;
  }
}

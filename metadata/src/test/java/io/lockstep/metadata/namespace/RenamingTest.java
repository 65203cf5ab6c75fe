package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.code;
import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.RenameEntryReply;
import io.lockstep.wire.message.Reply;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** rename(2) in all its cases. */
final class RenamingTest {
  private final Tree tree = new Tree();
  private final long root = tree.root;
  private final long a = tree.directory(root, "a");
  private final long b = tree.directory(root, "b");

  @AfterEach
  void treeIsSound() {
    assertThat(tree.audit()).isEmpty();
  }

  private long seconds(long inode) {
    return tree.attributes(inode).getCtime().getSeconds();
  }

  @Test
  void fileMovesAcrossDirectories() {
    long f = tree.file(a, "f");
    RenameEntryReply reply = ok(tree.rename(a, "f", b, "g")).getRenameEntry();
    assertThat(reply.getMoved().getInode()).isEqualTo(f);
    assertThat(reply.hasReplaced()).isFalse();
    assertThat(tree.list(a)).isEmpty();
    assertThat(tree.list(b)).containsExactly("g");
  }

  @Test
  void renameTouchesBothDirectoriesAndTheCtimeOfWhatMoved() {
    long f = tree.file(a, "f");
    final long made = tree.now();
    ok(tree.rename(a, "f", b, "g"));
    for (long directory : new long[] {a, b}) {
      assertThat(tree.attributes(directory).getMtime().getSeconds()).isEqualTo(tree.now());
      assertThat(seconds(directory)).isEqualTo(tree.now());
    }
    assertThat(seconds(f)).isEqualTo(tree.now());
    assertThat(tree.attributes(f).getMtime().getSeconds()).isEqualTo(made);
  }

  @Test
  void fileReplacesFile() {
    long f = tree.file(a, "f");
    long g = tree.file(b, "g");
    RenameEntryReply reply = ok(tree.rename(a, "f", b, "g")).getRenameEntry();
    assertThat(reply.getReplaced().getInode()).isEqualTo(g);
    assertThat(reply.getReplaced().getNlink()).isZero();
    assertThat(reply.getReplaced().getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(tree.orphans()).containsExactly(g);
    assertThat(ok(tree.walk(b, "g")).getWalk().getFound(0).getInode()).isEqualTo(f);
  }

  @Test
  void replacedFileKeepsItsOtherNames() {
    long g = tree.file(b, "g");
    ok(tree.link(g, root, "other"));
    tree.file(a, "f");
    assertThat(ok(tree.rename(a, "f", b, "g")).getRenameEntry().getReplaced().getNlink())
        .isEqualTo(1);
    assertThat(tree.orphans()).isEmpty();
  }

  @Test
  void directoryReplacesAnEmptyDirectory() {
    long c = tree.directory(a, "c");
    tree.file(c, "x");
    long d = tree.directory(b, "d");
    ok(tree.rename(a, "c", b, "d"));
    assertThat(tree.attributes(a).getNlink()).isEqualTo(2);
    assertThat(tree.attributes(b).getNlink()).isEqualTo(3);
    assertThat(tree.orphans()).containsExactly(d);
    assertThat(ok(tree.walk(c, "..")).getWalk().getFound(0).getInode()).isEqualTo(b);
    assertThat(tree.list(c)).containsExactly("x");
  }

  @Test
  void directoryIsNotReplacedWhileItHasEntries() {
    tree.directory(a, "c");
    tree.file(tree.directory(b, "d"), "x");
    assertThat(code(tree.rename(a, "c", b, "d"))).isEqualTo(ErrorCode.NOT_EMPTY);
  }

  @Test
  void typesOfSourceAndTargetMustAgree() {
    tree.file(a, "f");
    assertThat(code(tree.rename(a, "f", root, "b"))).isEqualTo(ErrorCode.IS_DIRECTORY);
    assertThat(code(tree.rename(root, "b", a, "f"))).isEqualTo(ErrorCode.NOT_DIRECTORY);
  }

  @Test
  void twoNamesOfOneInodeStayAsTheyAre() {
    long f = tree.file(a, "f");
    ok(tree.link(f, b, "g"));
    final Attributes before = tree.attributes(f);
    RenameEntryReply reply = ok(tree.rename(a, "f", b, "g")).getRenameEntry();
    assertThat(reply.hasReplaced()).isFalse();
    assertThat(tree.list(a)).containsExactly("f");
    assertThat(tree.list(b)).containsExactly("g");
    assertThat(tree.attributes(f)).isEqualTo(before);
    ok(tree.rename(a, "f", a, "f"));
    assertThat(tree.attributes(f)).isEqualTo(before);
  }

  @Test
  void directoryGoesNotBelowItself() {
    long c = tree.directory(a, "c");
    assertThat(code(tree.rename(root, "a", a, "x"))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.rename(root, "a", c, "x"))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.rename(root, "a", a, "c"))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }

  @Test
  void directoryAboveTheSourceIsNotReplaced() {
    long c = tree.directory(a, "c");
    tree.directory(c, "d");
    tree.file(c, "f");
    assertThat(code(tree.rename(c, "d", root, "a"))).isEqualTo(ErrorCode.NOT_EMPTY);
    assertThat(code(tree.rename(c, "f", root, "a"))).isEqualTo(ErrorCode.NOT_EMPTY);
    assertThat(code(tree.rename(c, "d", a, "c"))).isEqualTo(ErrorCode.NOT_EMPTY);
  }

  @Test
  void dotsAreBusy() {
    assertThat(code(tree.rename(a, ".", root, "x"))).isEqualTo(ErrorCode.RESOURCE_BUSY);
    assertThat(code(tree.rename(a, "..", root, "x"))).isEqualTo(ErrorCode.RESOURCE_BUSY);
    assertThat(code(tree.rename(root, "b", a, "."))).isEqualTo(ErrorCode.RESOURCE_BUSY);
    assertThat(code(tree.rename(tree.newRename(root, "b", a, "..").setNoReplace(true))))
        .isEqualTo(ErrorCode.EXISTS);
  }

  @Test
  void renameIsRefusedLikeOnLinux() {
    long f = tree.file(root, "f");
    String tooLong = "x".repeat(Limits.NAME_BYTES_MAX + 1);
    assertThat(code(tree.rename(root, "none", root, "x"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.rename(root, "none", root, tooLong))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.rename(root, tooLong, root, "x"))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(code(tree.rename(root, "f", root, tooLong))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(code(tree.rename(root, "f", 9999, "x"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.rename(9999, "f", root, "x"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.rename(root, "f", f, "x"))).isEqualTo(ErrorCode.NOT_DIRECTORY);
    assertThat(code(tree.rename(root, "f", root, ""))).isEqualTo(ErrorCode.BAD_REQUEST);
    ok(tree.rmdir(root, "a"));
    assertThat(code(tree.rename(root, "f", a, "x"))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void noReplaceRefusesAnExistingName() {
    tree.file(a, "f");
    tree.file(b, "g");
    Reply refused = tree.rename(tree.newRename(a, "f", b, "g").setNoReplace(true));
    assertThat(code(refused)).isEqualTo(ErrorCode.EXISTS);
    ok(tree.rename(tree.newRename(a, "f", b, "h").setNoReplace(true)));
    assertThat(tree.list(b)).containsExactly("h", "g");
  }

  @Test
  void exchangeSwapsAnyTwo() {
    long f = tree.file(a, "f");
    long d = tree.directory(b, "d");
    tree.file(d, "x");
    RenameEntryReply reply =
        ok(tree.rename(tree.newRename(a, "f", b, "d").setExchange(true))).getRenameEntry();
    assertThat(reply.getMoved().getInode()).isEqualTo(f);
    assertThat(reply.getReplaced().getInode()).isEqualTo(d);
    assertThat(ok(tree.walk(a, "f")).getWalk().getFound(0).getInode()).isEqualTo(d);
    assertThat(ok(tree.walk(b, "d")).getWalk().getFound(0).getInode()).isEqualTo(f);
    assertThat(tree.attributes(a).getNlink()).isEqualTo(3);
    assertThat(tree.attributes(b).getNlink()).isEqualTo(2);
    assertThat(seconds(f)).isEqualTo(tree.now());
    assertThat(seconds(d)).isEqualTo(tree.now());
  }

  @Test
  void exchangeWithinADirectorySwaps() {
    long f = tree.file(a, "f");
    long g = tree.file(a, "g");
    ok(tree.rename(tree.newRename(a, "f", a, "g").setExchange(true)));
    assertThat(ok(tree.walk(a, "f")).getWalk().getFound(0).getInode()).isEqualTo(g);
    assertThat(ok(tree.walk(a, "g")).getWalk().getFound(0).getInode()).isEqualTo(f);
  }

  @Test
  void exchangeIsRefusedLikeOnLinux() {
    long c = tree.directory(a, "c");
    tree.file(c, "f");
    assertThat(code(tree.rename(tree.newRename(a, "c", b, "none").setExchange(true))))
        .isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.rename(tree.newRename(c, "f", root, "a").setExchange(true))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.rename(tree.newRename(root, "a", a, "c").setExchange(true))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(
            code(
                tree.rename(
                    tree.newRename(a, "c", root, "b").setExchange(true).setNoReplace(true))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }

  @Test
  void nothingCrossesVolumes() {
    long other;
    try (KvStore.Batch batch = tree.store.begin()) {
      other = tree.namespace.createVolumeRoot(batch, 78, tree.stamp());
      batch.commit();
    }
    long f = tree.file(root, "f");
    assertThat(code(tree.rename(root, "f", other, "f"))).isEqualTo(ErrorCode.CROSS_DEVICE);
    assertThat(code(tree.link(f, other, "f"))).isEqualTo(ErrorCode.CROSS_DEVICE);
  }
}

package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.code;
import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Timestamp;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** chmod, chown, utimens, truncate, and what the holder of a lease tells. */
final class AttributeChangeTest {
  private static final Token OLD = new Token(5, 1);
  private static final Token NEW = new Token(5, 2);

  private final Tree tree = new Tree();
  private long file;

  @BeforeEach
  void fileOfTheUser() {
    tree.caller = Tree.USER;
    file = tree.create(tree.newInode(tree.root, "f", FileType.REGULAR).setMode(0755)).getInode();
  }

  @AfterEach
  void treeIsSound() {
    assertThat(tree.audit()).isEmpty();
  }

  private static Timestamp time(long seconds, int nanos) {
    return Timestamp.newBuilder().setSeconds(seconds).setNanos(nanos).build();
  }

  private static Attributes attributes(Reply reply) {
    return ok(reply).getAttributes().getAttributes();
  }

  private Attributes chmod(long inode, int mode) {
    return attributes(tree.set(tree.newAttributes(inode).setMode(mode)));
  }

  // ---- chmod

  @Test
  void chmodSetsModeAndCtimeOnly() {
    Attributes before = tree.attributes(file);
    Attributes after = chmod(file, 04711);
    assertThat(after)
        .isEqualTo(before.toBuilder().setMode(04711).setCtime(time(tree.now(), 0)).build());
  }

  @Test
  void chmodIsForTheOwner() {
    tree.caller = Tree.OTHER;
    assertThat(code(tree.set(tree.newAttributes(file).setMode(0777))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    tree.caller = Tree.ROOT;
    assertThat(chmod(file, 0777).getMode()).isEqualTo(0777);
  }

  @Test
  void anybodyMayClearSetuid() {
    chmod(file, 06777);
    tree.caller = Tree.OTHER;
    assertThat(chmod(file, 0777).getMode()).isEqualTo(0777);
    assertThat(code(tree.set(tree.newAttributes(file).setMode(04777))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
  }

  @Test
  void setgidOfAForeignGroupIsDropped() {
    tree.caller = Tree.ROOT;
    attributes(tree.set(tree.newAttributes(file).setGid(555)));
    tree.caller = Tree.USER;
    assertThat(chmod(file, 02755).getMode()).isEqualTo(0755);
    attributes(tree.set(tree.newAttributes(file).setGid(100)));
    assertThat(chmod(file, 02755).getMode()).isEqualTo(02755);
  }

  @Test
  void symlinkHasNoMode() {
    long link = tree.symlink(tree.root, "s", "t");
    assertThat(code(tree.set(tree.newAttributes(link).setMode(0600))))
        .isEqualTo(ErrorCode.NOT_SUPPORTED);
  }

  @Test
  void modeIsMasked() {
    assertThat(chmod(file, 0100644).getMode()).isEqualTo(0644);
  }

  // ---- chown

  @Test
  void onlyRootGivesFilesAway() {
    assertThat(code(tree.set(tree.newAttributes(file).setUid(2000))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(attributes(tree.set(tree.newAttributes(file).setUid(1000))).getUid())
        .isEqualTo(1000);
    tree.caller = Tree.ROOT;
    Attributes given = attributes(tree.set(tree.newAttributes(file).setUid(2000).setGid(3000)));
    assertThat(given.getUid()).isEqualTo(2000);
    assertThat(given.getGid()).isEqualTo(3000);
    assertThat(given.getCtime().getSeconds()).isEqualTo(tree.now());
  }

  @Test
  void ownerChoosesAmongItsGroups() {
    assertThat(attributes(tree.set(tree.newAttributes(file).setGid(100))).getGid()).isEqualTo(100);
    assertThat(code(tree.set(tree.newAttributes(file).setGid(3000))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    tree.caller = Tree.OTHER;
    assertThat(code(tree.set(tree.newAttributes(file).setGid(2000))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
  }

  @Test
  void chownClearsSetuidAndSetgidOfExecutables() {
    chmod(file, 06755);
    tree.caller = Tree.ROOT;
    assertThat(attributes(tree.set(tree.newAttributes(file).setUid(1000))).getMode())
        .isEqualTo(0755);
    chmod(file, 06744);
    assertThat(attributes(tree.set(tree.newAttributes(file).setGid(1000))).getMode())
        .as("setgid without group execution was mandatory locking")
        .isEqualTo(02744);
  }

  @Test
  void chownLeavesTheBitsOfDirectories() {
    long directory = tree.directory(tree.root, "d");
    chmod(directory, 02775);
    tree.caller = Tree.ROOT;
    assertThat(attributes(tree.set(tree.newAttributes(directory).setUid(5))).getMode())
        .isEqualTo(02775);
  }

  @Test
  void noIdIsNoOwner() {
    tree.caller = Tree.ROOT;
    assertThat(code(tree.set(tree.newAttributes(file).setUid(-1))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.set(tree.newAttributes(file).setGid(-1))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }

  // ---- utimens

  @Test
  void timesAreKeptToTheNanosecond() {
    Attributes set =
        attributes(
            tree.set(
                tree.newAttributes(file)
                    .setAtime(time(-5, 999_999_999))
                    .setMtime(time(1 << 30, 1))));
    assertThat(set.getAtime()).isEqualTo(time(-5, 999_999_999));
    assertThat(set.getMtime()).isEqualTo(time(1 << 30, 1));
    assertThat(set.getCtime()).isEqualTo(time(tree.now(), 0));
  }

  @Test
  void oneTimeLeavesTheOther() {
    Attributes before = tree.attributes(file);
    Attributes set = attributes(tree.set(tree.newAttributes(file).setAtimeNow(true)));
    assertThat(set.getAtime()).isEqualTo(time(tree.now(), 0));
    assertThat(set.getMtime()).isEqualTo(before.getMtime());
  }

  @Test
  void timeOutOfRangeGoesToItsEnd() {
    Attributes set =
        attributes(
            tree.set(
                tree.newAttributes(file)
                    .setAtime(time(Long.MAX_VALUE, 5))
                    .setMtime(time(Long.MIN_VALUE, 5))));
    assertThat(set.getAtime().getSeconds()).isEqualTo(-set.getMtime().getSeconds());
    assertThat(Convert.timestamp(Convert.nanos(set.getAtime()))).isEqualTo(set.getAtime());
    assertThat(Convert.timestamp(Convert.nanos(set.getMtime()))).isEqualTo(set.getMtime());
  }

  @Test
  void malformedTimesAreRefused() {
    assertThat(code(tree.set(tree.newAttributes(file).setAtime(time(1, 1_000_000_000)))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.set(tree.newAttributes(file).setMtime(time(1, -1)))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.set(tree.newAttributes(file).setMtime(time(1, 1)).setMtimeNow(true))))
        .isEqualTo(ErrorCode.INVALID_ARGUMENT);
  }

  @Test
  void writersMayTouchOnly() {
    chmod(file, 0666);
    tree.caller = Tree.OTHER;
    ok(tree.set(tree.newAttributes(file).setAtimeNow(true).setMtimeNow(true)));
    assertThat(code(tree.set(tree.newAttributes(file).setMtime(time(1, 1)))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(code(tree.set(tree.newAttributes(file).setMtimeNow(true))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    tree.caller = Tree.USER;
    chmod(file, 0644);
    tree.caller = Tree.OTHER;
    assertThat(code(tree.set(tree.newAttributes(file).setAtimeNow(true).setMtimeNow(true))))
        .isEqualTo(ErrorCode.ACCESS_DENIED);
  }

  // ---- size and token

  @Test
  void truncateSetsSizeTimesAndToken() {
    Attributes cut = attributes(tree.truncate(file, 12345, NEW));
    assertThat(cut.getSize()).isEqualTo(12345);
    assertThat(cut.getMtime()).isEqualTo(time(tree.now(), 0));
    assertThat(cut.getCtime()).isEqualTo(time(tree.now(), 0));
    assertThat(Convert.token(cut.getSizeToken())).isEqualTo(NEW);
    assertThat(tree.usage()).isEqualTo(new Usage(2, 12345));
    attributes(tree.truncate(file, 45, NEW));
    assertThat(tree.usage()).isEqualTo(new Usage(2, 45));
  }

  @Test
  void truncateWithAnOlderTokenIsFenced() {
    attributes(tree.truncate(file, 10, NEW));
    assertThat(code(tree.truncate(file, 20, OLD))).isEqualTo(ErrorCode.STALE_TOKEN);
    assertThat(code(tree.set(tree.newAttributes(file).setSize(20))))
        .isEqualTo(ErrorCode.STALE_TOKEN);
    assertThat(tree.attributes(file).getSize()).isEqualTo(10);
  }

  @Test
  void timesUnderAnOlderTokenAreFenced() {
    attributes(tree.truncate(file, 10, NEW));
    assertThat(
            code(
                tree.set(
                    tree.newAttributes(file).setMtime(time(1, 1)).setToken(Convert.message(OLD)))))
        .isEqualTo(ErrorCode.STALE_TOKEN);
    ok(tree.set(tree.newAttributes(file).setMtime(time(1, 1))));
  }

  @Test
  void onlyFilesAreTruncated() {
    long fifo = tree.create(tree.newInode(tree.root, "p", FileType.FIFO)).getInode();
    assertThat(code(tree.truncate(tree.root, 0, NEW))).isEqualTo(ErrorCode.IS_DIRECTORY);
    assertThat(code(tree.truncate(fifo, 0, NEW))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.truncate(file, -1, NEW))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.truncate(file, Limits.FILE_BYTES_MAX + 1, NEW)))
        .isEqualTo(ErrorCode.FILE_TOO_BIG);
    ok(tree.truncate(file, Limits.FILE_BYTES_MAX, NEW));
  }

  @Test
  void truncateByAUserClearsSetuid() {
    chmod(file, 06777);
    tree.caller = Tree.OTHER;
    assertThat(attributes(tree.truncate(file, 1, NEW)).getMode()).isEqualTo(0777);
    tree.caller = Tree.ROOT;
    chmod(file, 06777);
    assertThat(attributes(tree.truncate(file, 1, NEW)).getMode()).isEqualTo(06777);
  }

  @Test
  void nothingAskedChangesNothing() {
    Attributes before = tree.attributes(file);
    assertThat(attributes(tree.set(tree.newAttributes(file)))).isEqualTo(before);
    assertThat(code(tree.set(tree.newAttributes(9999).setMode(1)))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void openFileWithoutANameCanBeChanged() {
    ok(tree.unlink(tree.root, "f"));
    assertThat(chmod(file, 0600).getMode()).isEqualTo(0600);
    assertThat(attributes(tree.truncate(file, 7, NEW)).getSize()).isEqualTo(7);
    tree.collect(file);
    assertThat(tree.usage()).isEqualTo(new Usage(1, 0));
  }

  // ---- refresh

  @Test
  void refreshSetsWhatItCarries() {
    final Attributes before = tree.attributes(file);
    ok(tree.refresh(tree.newUpdate(file, NEW, 4096).setMtime(time(9, 8)).setAllocated(8192)));
    assertThat(tree.attributes(file))
        .isEqualTo(
            before.toBuilder()
                .setSize(4096)
                .setMtime(time(9, 8))
                .setAllocated(8192)
                .setSizeToken(Convert.message(NEW))
                .build());
    ok(tree.refresh(tree.newUpdate(file, NEW, 1).setAtime(time(1, 2)).setCtime(time(3, 4))));
    assertThat(tree.attributes(file).getAtime()).isEqualTo(time(1, 2));
    assertThat(tree.attributes(file).getCtime()).isEqualTo(time(3, 4));
    assertThat(tree.attributes(file).getMtime()).isEqualTo(time(9, 8));
    assertThat(tree.usage().bytes()).isEqualTo(1);
  }

  @Test
  void lateRefreshIsIgnored() {
    ok(tree.refresh(tree.newUpdate(file, NEW, 10)));
    Attributes before = tree.attributes(file);
    ok(tree.refresh(tree.newUpdate(file, OLD, 99).setMtime(time(1, 1)).setClearSetuid(true)));
    assertThat(tree.attributes(file)).isEqualTo(before);
  }

  @Test
  void refreshOfWhatIsGoneIsIgnored() {
    ok(tree.refresh(tree.newUpdate(9999, NEW, 10)));
    ok(tree.refresh(tree.newUpdate(tree.root, NEW, 10)));
    assertThat(tree.attributes(tree.root).getSize()).isNotEqualTo(10);
  }

  @Test
  void refreshIsAllOrNothing() {
    RefreshInodes.Builder batch =
        RefreshInodes.newBuilder()
            .addUpdates(tree.newUpdate(file, NEW, 10))
            .addUpdates(tree.newUpdate(file, NEW, Limits.FILE_BYTES_MAX + 1));
    assertThat(code(tree.apply(Request.newBuilder().setRefreshInodes(batch))))
        .isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(tree.attributes(file).getSize()).isZero();
    assertThat(code(tree.refresh(tree.newUpdate(file, NEW, -1)))).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(code(tree.refresh(tree.newUpdate(file, NEW, 1).setMtime(time(1, -1)))))
        .isEqualTo(ErrorCode.BAD_REQUEST);
  }

  @Test
  void refreshClearsSetuidOfWhatWasWritten() {
    chmod(file, 06755);
    ok(tree.refresh(tree.newUpdate(file, NEW, 10)));
    assertThat(tree.attributes(file).getMode()).isEqualTo(06755);
    ok(tree.refresh(tree.newUpdate(file, NEW, 10).setClearSetuid(true)));
    assertThat(tree.attributes(file).getMode()).isEqualTo(0755);
  }
}

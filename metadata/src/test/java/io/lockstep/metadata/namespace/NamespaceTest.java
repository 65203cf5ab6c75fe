package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.bytes;
import static io.lockstep.metadata.namespace.Tree.code;
import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.metadata.kv.KvOverlay;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.CreateInodeReply;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.ReadLink;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Walk;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lookups, listings, creation, links and removal. */
final class NamespaceTest {
  private static final String LONGEST = "x".repeat(Limits.NAME_BYTES_MAX);

  private final Tree tree = new Tree();
  private final long root = tree.root;

  @AfterEach
  void treeIsSound() {
    assertThat(tree.audit()).isEmpty();
  }

  // ---- lookups

  @Test
  void newVolumeHasAnEmptyRoot() {
    Attributes attributes = tree.attributes(root);
    assertThat(attributes.getType()).isEqualTo(FileType.DIRECTORY);
    assertThat(attributes.getMode()).isEqualTo(0755);
    assertThat(attributes.getNlink()).isEqualTo(2);
    assertThat(attributes.getVolume()).isEqualTo(Tree.VOLUME);
    assertThat(tree.list(root)).isEmpty();
    assertThat(tree.usage()).isEqualTo(new Usage(1, 0));
  }

  @Test
  void walkFollowsNamesOneAfterAnother() {
    long a = tree.directory(root, "a");
    long b = tree.directory(a, "b");
    long f = tree.file(b, "f");
    Reply reply = ok(tree.walk(root, "a", "b", "f"));
    assertThat(reply.getWalk().getFoundList())
        .extracting(Attributes::getInode)
        .containsExactly(a, b, f);
  }

  @Test
  void walkUnderstandsDots() {
    long a = tree.directory(root, "a");
    long b = tree.directory(a, "b");
    assertThat(ok(tree.walk(b, ".", "..", "..", "..")).getWalk().getFoundList())
        .extracting(Attributes::getInode)
        .containsExactly(b, a, root, root);
  }

  @Test
  void walkThatFailsCarriesWhatItFound() {
    long a = tree.directory(root, "a");
    Reply reply = tree.walk(root, "a", "missing", "more");
    assertThat(code(reply)).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(reply.getWalk().getFoundList()).extracting(Attributes::getInode).containsExactly(a);
  }

  @Test
  void walkThroughAFileIsNotDirectory() {
    long f = tree.file(root, "f");
    Reply reply = tree.walk(root, "f", "x");
    assertThat(code(reply)).isEqualTo(ErrorCode.NOT_DIRECTORY);
    assertThat(reply.getWalk().getFoundList()).extracting(Attributes::getInode).containsExactly(f);
    assertThat(code(tree.walk(f, "."))).isEqualTo(ErrorCode.NOT_DIRECTORY);
  }

  @Test
  void walkFromNowhereIsNotFound() {
    assertThat(code(tree.walk(9999, "a"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.walk(9999))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void walkRefusesNamesThatNoPathContains() {
    for (String name : new String[] {"", "a/b", "a\0b"}) {
      assertThat(code(tree.walk(root, name))).isEqualTo(ErrorCode.BAD_REQUEST);
    }
    assertThat(code(tree.walk(root, LONGEST + "x"))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(code(tree.walk(root, LONGEST))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void walkIsBounded() {
    Walk.Builder walk = Walk.newBuilder().setInode(root);
    for (int i = 0; i <= Limits.WALK_NAMES_MAX; i++) {
      walk.addNames(bytes("."));
    }
    Reply reply = tree.query(Request.newBuilder().setWalk(walk));
    assertThat(code(reply)).isEqualTo(ErrorCode.NAME_TOO_LONG);
  }

  @Test
  void readLinkGivesTheTarget() {
    long link = tree.symlink(root, "s", "../any/where");
    Reply reply = tree.query(readLink(link));
    assertThat(ok(reply).getReadLink().getTarget()).isEqualTo(bytes("../any/where"));
    assertThat(code(tree.query(readLink(root)))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.query(readLink(9999)))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  private static Request.Builder readLink(long inode) {
    return Request.newBuilder().setReadLink(ReadLink.newBuilder().setInode(inode));
  }

  @Test
  void namesAreBytes() {
    ByteString name = ByteString.copyFrom(new byte[] {(byte) 0xff, (byte) 0xc3, 0x28, '\n', 1});
    CreateInode.Builder asked = tree.newInode(root, "", FileType.REGULAR).setName(name);
    long inode = tree.create(asked).getInode();
    DirectoryEntry entry = tree.entries(root, 10).get(0);
    assertThat(entry.getName()).isEqualTo(name);
    assertThat(entry.getInode()).isEqualTo(inode);
    Reply found =
        tree.query(Request.newBuilder().setWalk(Walk.newBuilder().setInode(root).addNames(name)));
    assertThat(ok(found).getWalk().getFound(0).getInode()).isEqualTo(inode);
  }

  // ---- listings

  @Test
  void listingGoesFromTheNewestToTheOldest() {
    for (String name : new String[] {"a", "b", "c", "d", "e"}) {
      tree.file(root, name);
    }
    assertThat(tree.list(root)).containsExactly("e", "d", "c", "b", "a");
  }

  @Test
  void listingCarriesAttributesTypesAndParent() {
    long a = tree.directory(root, "a");
    long b = tree.directory(a, "b");
    ReadDirectoryReply page = tree.page(a, 0, 10);
    assertThat(page.getEnd()).isTrue();
    assertThat(page.getParent()).isEqualTo(root);
    assertThat(page.getEntries(0).getType()).isEqualTo(FileType.DIRECTORY);
    assertThat(page.getEntries(0).getAttributes()).isEqualTo(tree.attributes(b));
    assertThat(tree.page(root, 0, 10).getParent()).isEqualTo(root);
  }

  @Test
  void listingGoesOnWhileOthersChangeTheDirectory() {
    for (int i = 0; i < 10; i++) {
      tree.file(root, "f" + i);
    }
    List<String> seen = new ArrayList<>();
    long cursor = 0;
    for (int step = 0; step < 5; step++) {
      ReadDirectoryReply page = tree.page(root, cursor, 2);
      for (DirectoryEntry entry : page.getEntriesList()) {
        String name = entry.getName().toStringUtf8();
        seen.add(name);
        cursor = entry.getCursor();
        ok(tree.unlink(root, name));
        tree.file(root, "new" + name);
      }
    }
    assertThat(seen).hasSize(10).doesNotHaveDuplicates().allMatch(name -> name.startsWith("f"));
    assertThat(tree.page(root, cursor, 2).getEnd()).isTrue();
  }

  @Test
  void renamingEverythingWhileListingEnds() {
    for (int i = 0; i < 10; i++) {
      tree.file(root, "f" + i);
    }
    int seen = 0;
    long cursor = 0;
    ReadDirectoryReply page = tree.page(root, cursor, 3);
    while (page.getEntriesCount() > 0) {
      for (DirectoryEntry entry : page.getEntriesList()) {
        String name = entry.getName().toStringUtf8();
        ok(tree.rename(root, name, root, name + ".old"));
        cursor = entry.getCursor();
        seen++;
      }
      page = tree.page(root, cursor, 3);
    }
    assertThat(seen).isEqualTo(10);
  }

  @Test
  void replacedNameIsNeverMissingFromAListing() {
    tree.file(root, "target");
    tree.file(root, "temporary");
    long cursor = tree.page(root, 0, 1).getEntries(0).getCursor();
    ok(tree.rename(root, "temporary", root, "target"));
    assertThat(tree.page(root, cursor, 10).getEntriesList())
        .extracting(e -> e.getName().toStringUtf8())
        .containsExactly("target");
  }

  @Test
  void anyCursorIsAnswered() {
    tree.file(root, "f");
    assertThat(tree.page(root, -1, 10).getEntriesList()).isEmpty();
    assertThat(tree.page(root, Long.MAX_VALUE, 10).getEnd()).isTrue();
    assertThat(tree.page(root, 1, -1).getEntriesCount()).isEqualTo(1);
  }

  @Test
  void pageStaysWithinAFrame() {
    for (int i = 0; i < 3000; i++) {
      tree.file(root, "x".repeat(250) + i);
    }
    ReadDirectoryReply page = tree.page(root, 0, Integer.MAX_VALUE);
    assertThat(page.getSerializedSize()).isLessThan(Limits.HEADER_BYTES_MAX);
    assertThat(page.getEnd()).isFalse();
    assertThat(tree.entries(root, Integer.MAX_VALUE)).hasSize(3000);
  }

  // ---- creation

  @Test
  void createdFileHasWhatWasAskedFor() {
    tree.caller = Tree.USER;
    CreateInodeReply reply =
        ok(tree.tryCreate(tree.newInode(root, "f", FileType.REGULAR).setMode(06754)))
            .getCreateInode();
    Attributes f = reply.getAttributes();
    assertThat(reply.getCreated()).isTrue();
    assertThat(f.getMode()).isEqualTo(06754);
    assertThat(f.getUid()).isEqualTo(1000);
    assertThat(f.getGid()).isEqualTo(1000);
    assertThat(f.getNlink()).isEqualTo(1);
    assertThat(f.getSize()).isZero();
    assertThat(f.getSet()).isEqualTo(Tree.SET);
    assertThat(f.getVolume()).isEqualTo(Tree.VOLUME);
    assertThat(f.getAtime().getSeconds()).isEqualTo(tree.now());
    assertThat(f.getMtime().getSeconds()).isEqualTo(tree.now());
    assertThat(f.getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(tree.attributes(f.getInode())).isEqualTo(f);
  }

  @Test
  void creationTouchesTheParentsMtimeAndCtime() {
    Attributes before = tree.attributes(root);
    tree.file(root, "f");
    Attributes after = tree.attributes(root);
    assertThat(after.getMtime().getSeconds()).isEqualTo(tree.now());
    assertThat(after.getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(after.getAtime()).isEqualTo(before.getAtime());
    assertThat(after.getNlink()).isEqualTo(2);
  }

  @Test
  void subdirectoryCountsAsLinkOfItsParent() {
    long a = tree.directory(root, "a");
    tree.directory(a, "b");
    tree.directory(a, "c");
    assertThat(tree.attributes(a).getNlink()).isEqualTo(4);
    ok(tree.rmdir(a, "b"));
    assertThat(tree.attributes(a).getNlink()).isEqualTo(3);
  }

  @Test
  void existingNameIsRefused() {
    tree.file(root, "f");
    for (FileType type : new FileType[] {FileType.REGULAR, FileType.DIRECTORY, FileType.FIFO}) {
      assertThat(code(tree.tryCreate(tree.newInode(root, "f", type)))).isEqualTo(ErrorCode.EXISTS);
    }
    for (String special : new String[] {".", ".."}) {
      assertThat(code(tree.tryCreate(tree.newInode(root, special, FileType.REGULAR))))
          .isEqualTo(ErrorCode.EXISTS);
    }
  }

  @Test
  void existingFileIsTakenIfTheCallerWants() {
    Attributes before = tree.attributes(tree.file(root, "f"));
    Reply reply = tree.tryCreate(tree.newInode(root, "f", FileType.REGULAR).setExistingOk(true));
    assertThat(ok(reply).getCreateInode().getCreated()).isFalse();
    assertThat(reply.getCreateInode().getAttributes()).isEqualTo(before);
    tree.directory(root, "d");
    assertThat(code(tree.tryCreate(tree.newInode(root, "d", FileType.REGULAR).setExistingOk(true))))
        .isEqualTo(ErrorCode.EXISTS);
    assertThat(code(tree.tryCreate(tree.newInode(root, ".", FileType.REGULAR).setExistingOk(true))))
        .isEqualTo(ErrorCode.EXISTS);
  }

  @Test
  void creationNeedsALiveDirectory() {
    long f = tree.file(root, "f");
    long d = tree.directory(root, "d");
    ok(tree.rmdir(root, "d"));
    assertThat(code(tree.tryCreate(tree.newInode(f, "x", FileType.REGULAR))))
        .isEqualTo(ErrorCode.NOT_DIRECTORY);
    assertThat(code(tree.tryCreate(tree.newInode(9999, "x", FileType.REGULAR))))
        .isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.tryCreate(tree.newInode(d, "x", FileType.REGULAR))))
        .isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void nameOf256BytesIsTooLong() {
    tree.file(root, LONGEST);
    assertThat(code(tree.tryCreate(tree.newInode(root, LONGEST + "x", FileType.REGULAR))))
        .isEqualTo(ErrorCode.NAME_TOO_LONG);
    String multibyte = "\u00e4".repeat(128);
    assertThat(code(tree.tryCreate(tree.newInode(root, multibyte, FileType.REGULAR))))
        .isEqualTo(ErrorCode.NAME_TOO_LONG);
  }

  @Test
  void malformedCreationIsABadRequest() {
    for (String name : new String[] {"", "/", "a/b", "\0", "a\0"}) {
      assertThat(code(tree.tryCreate(tree.newInode(root, name, FileType.REGULAR))))
          .isEqualTo(ErrorCode.BAD_REQUEST);
    }
    CreateInode.Builder asked = tree.newInode(root, "x", FileType.FILE_TYPE_UNKNOWN);
    assertThat(code(tree.tryCreate(asked))).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(code(tree.tryCreate(asked.setTypeValue(99)))).isEqualTo(ErrorCode.BAD_REQUEST);
  }

  @Test
  void symlinkTargetHasBounds() {
    Attributes link =
        tree.create(
            tree.newInode(root, "s", FileType.SYMLINK)
                .setSymlinkTarget(bytes("t".repeat(Limits.PATH_BYTES_MAX))));
    assertThat(link.getMode()).isEqualTo(0777);
    assertThat(link.getSize()).isEqualTo(Limits.PATH_BYTES_MAX);
    CreateInode.Builder asked = tree.newInode(root, "x", FileType.SYMLINK);
    assertThat(code(tree.tryCreate(asked))).isEqualTo(ErrorCode.NOT_FOUND);
    asked.setSymlinkTarget(bytes("t".repeat(Limits.PATH_BYTES_MAX + 1)));
    assertThat(code(tree.tryCreate(asked))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    asked.setSymlinkTarget(bytes("a\0b"));
    assertThat(code(tree.tryCreate(asked))).isEqualTo(ErrorCode.BAD_REQUEST);
  }

  @Test
  void onlyRootMakesDeviceNodes() {
    Attributes device =
        tree.create(tree.newInode(root, "null", FileType.CHARACTER_DEVICE).setRdev(1L << 32 | 3));
    assertThat(device.getRdev()).isEqualTo(1L << 32 | 3);
    tree.caller = Tree.USER;
    assertThat(code(tree.tryCreate(tree.newInode(root, "sda", FileType.BLOCK_DEVICE))))
        .isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(tree.create(tree.newInode(root, "fifo", FileType.FIFO)).getSet()).isZero();
    assertThat(tree.create(tree.newInode(root, "socket", FileType.SOCKET).setRdev(5)).getRdev())
        .isZero();
  }

  @Test
  void fileNeedsAReplicaSet() {
    Request request =
        Request.newBuilder().setCreateInode(tree.newInode(root, "f", FileType.REGULAR)).build();
    try (KvStore.Batch batch = tree.store.begin()) {
      Reply reply = tree.namespace.apply(batch, request, new Stamp(1, 0));
      assertThat(code(reply)).isEqualTo(ErrorCode.NO_SPACE);
    }
  }

  @Test
  void setgidDirectoryHandsItsGroupDown() {
    ok(tree.set(tree.newAttributes(root).setGid(100).setMode(02777)));
    tree.caller = Tree.USER;
    Attributes d = tree.create(tree.newInode(root, "d", FileType.DIRECTORY).setMode(0750));
    Attributes f = tree.create(tree.newInode(root, "f", FileType.REGULAR).setMode(02755));
    assertThat(d.getGid()).isEqualTo(100);
    assertThat(d.getMode()).isEqualTo(02750);
    assertThat(f.getGid()).isEqualTo(100);
    assertThat(f.getMode()).isEqualTo(02755);
    tree.caller = Tree.OTHER;
    Attributes g = tree.create(tree.newInode(root, "g", FileType.REGULAR).setMode(02755));
    assertThat(g.getGid()).isEqualTo(100);
    assertThat(g.getMode()).as("setgid for a foreign group").isEqualTo(0755);
  }

  @Test
  void mkdirTakesNoSetuidOrSetgid() {
    assertThat(tree.create(tree.newInode(root, "d", FileType.DIRECTORY).setMode(07777)).getMode())
        .isEqualTo(01777);
  }

  // ---- links

  @Test
  void linkIsAnotherNameOfTheSameInode() {
    long f = tree.file(root, "f");
    long d = tree.directory(root, "d");
    Attributes linked = ok(tree.link(f, d, "g")).getAttributes().getAttributes();
    assertThat(linked.getInode()).isEqualTo(f);
    assertThat(linked.getNlink()).isEqualTo(2);
    assertThat(linked.getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(linked.getMtime().getSeconds()).isLessThan(tree.now());
    assertThat(tree.attributes(d).getMtime().getSeconds()).isEqualTo(tree.now());
    Attributes left = ok(tree.unlink(root, "f")).getRemoveEntry().getAttributes();
    assertThat(left.getNlink()).isEqualTo(1);
    assertThat(left.getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(ok(tree.walk(d, "g")).getWalk().getFound(0)).isEqualTo(left);
    assertThat(tree.orphans()).isEmpty();
  }

  @Test
  void linkOfADirectoryIsNotPermitted() {
    long d = tree.directory(root, "d");
    assertThat(code(tree.link(d, root, "e"))).isEqualTo(ErrorCode.NOT_PERMITTED);
  }

  @Test
  void linkIsRefusedLikeOnLinux() {
    long f = tree.file(root, "f");
    assertThat(code(tree.link(f, root, "f"))).isEqualTo(ErrorCode.EXISTS);
    assertThat(code(tree.link(f, root, "."))).isEqualTo(ErrorCode.EXISTS);
    assertThat(code(tree.link(f, f, "g"))).isEqualTo(ErrorCode.NOT_DIRECTORY);
    assertThat(code(tree.link(f, 9999, "g"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.link(9999, root, "g"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.link(f, root, LONGEST + "x"))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    ok(tree.unlink(root, "f"));
    assertThat(code(tree.link(f, root, "g"))).as("no name is left").isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void symlinksAndFifosCanBeLinked() {
    assertThat(ok(tree.link(tree.symlink(root, "s", "t"), root, "s2")).getCode()).isZero();
    long fifo = tree.create(tree.newInode(root, "p", FileType.FIFO)).getInode();
    assertThat(ok(tree.link(fifo, root, "p2")).getAttributes().getAttributes().getNlink())
        .isEqualTo(2);
  }

  // ---- removal

  @Test
  void unlinkedFileBecomesAnOrphanAndIsCollected() {
    long f = tree.file(root, "f");
    ok(tree.setXattr(f, "user.a", "1"));
    Attributes gone = ok(tree.unlink(root, "f")).getRemoveEntry().getAttributes();
    assertThat(gone.getNlink()).isZero();
    assertThat(gone.getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(tree.attributes(root).getMtime().getSeconds()).isEqualTo(tree.now());
    assertThat(code(tree.walk(root, "f"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(tree.attributes(f)).as("open files still have attributes").isEqualTo(gone);
    assertThat(tree.orphans()).containsExactly(f);
    assertThat(tree.collect(f)).isEqualTo(new Collected(f, Tree.VOLUME, Tree.SET));
    assertThat(code(tree.stat(f))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(tree.orphans()).isEmpty();
    assertThat(tree.collect(f)).as("the second time").isNull();
    assertThat(tree.usage()).isEqualTo(new Usage(1, 0));
  }

  @Test
  void inodeWithANameIsNotCollected() {
    long f = tree.file(root, "f");
    assertThat(tree.collect(f)).isNull();
    assertThat(tree.collect(9999)).isNull();
    assertThat(tree.attributes(f).getNlink()).isEqualTo(1);
  }

  @Test
  void orphansAreListedInPages() {
    List<Long> files = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      files.add(tree.file(root, "f" + i));
      ok(tree.unlink(root, "f" + i));
    }
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      List<Long> first = tree.namespace.orphans(snapshot, 0, 2);
      assertThat(first).isEqualTo(files.subList(0, 2));
      assertThat(tree.namespace.orphans(snapshot, first.get(1), 9)).isEqualTo(files.subList(2, 5));
      assertThat(tree.namespace.orphans(snapshot, 0, 0)).isEmpty();
    }
  }

  @Test
  void removalIsRefusedLikeOnLinux() {
    tree.file(root, "f");
    long d = tree.directory(root, "d");
    tree.file(d, "x");
    assertThat(code(tree.unlink(root, "d"))).isEqualTo(ErrorCode.IS_DIRECTORY);
    assertThat(code(tree.rmdir(root, "f"))).isEqualTo(ErrorCode.NOT_DIRECTORY);
    assertThat(code(tree.rmdir(root, "d"))).isEqualTo(ErrorCode.NOT_EMPTY);
    assertThat(code(tree.unlink(root, "none"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.rmdir(root, "none"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.unlink(root, LONGEST + "x"))).isEqualTo(ErrorCode.NAME_TOO_LONG);
    assertThat(code(tree.rmdir(root, "."))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.rmdir(root, ".."))).isEqualTo(ErrorCode.NOT_EMPTY);
    assertThat(code(tree.unlink(root, "."))).isEqualTo(ErrorCode.IS_DIRECTORY);
    assertThat(code(tree.unlink(root, "a/b"))).isEqualTo(ErrorCode.BAD_REQUEST);
  }

  @Test
  void removedDirectoryIsDead() {
    long d = tree.directory(root, "d");
    assertThat(ok(tree.rmdir(root, "d")).getRemoveEntry().getAttributes().getNlink()).isZero();
    Reply listing =
        tree.query(
            Request.newBuilder()
                .setReadDirectory(io.lockstep.wire.message.ReadDirectory.newBuilder().setInode(d)));
    assertThat(code(listing)).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.walk(d, ".."))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(tree.orphans()).containsExactly(d);
    assertThat(tree.collect(d)).isEqualTo(new Collected(d, Tree.VOLUME, 0));
  }

  // ---- the door

  @Test
  void requestsOfOthersAreRefused() {
    Request request = Request.getDefaultInstance();
    assertThat(Namespace.isQuery(request) || Namespace.isMutation(request)).isFalse();
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      assertThat(code(tree.namespace.query(snapshot, request))).isEqualTo(ErrorCode.BAD_REQUEST);
      KvOverlay overlay = new KvOverlay(snapshot);
      assertThat(code(tree.namespace.apply(overlay, request, tree.stamp())))
          .isEqualTo(ErrorCode.BAD_REQUEST);
    }
  }
}

package io.lockstep.tools.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.tools.check.SetVerdict.Verdict;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.HashObjectReply;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListSetInodesReply;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRow;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A check of three members and a master in memory, each answering as the messages say. */
class VolumeCheckTest {
  private static final long SET = 7;
  private static final int BIG = 9 * 1024 * 1024 + 100;

  private final TreeMap<Long, Attributes> namespace = new TreeMap<>();
  private final List<TreeMap<Long, byte[]>> disks =
      List.of(new TreeMap<>(), new TreeMap<>(), new TreeMap<>());
  private final TreeMap<Long, ObjectState> tombstones = new TreeMap<>();
  private final List<Long> leased = new ArrayList<>();
  private MemberMode thirdMode = MemberMode.RW;
  private Runnable onLease = () -> {};

  @BeforeEach
  void threeEqualFiles() {
    file(10, 5000);
    file(11, BIG);
    file(12, 3 * Limits.BLOCK_BYTES);
    namespace.put(13L, attributes(13, 0));
  }

  private void file(long inode, int size) {
    byte[] bytes = new byte[size];
    new Random(inode).nextBytes(bytes);
    namespace.put(inode, attributes(inode, size));
    disks.forEach(disk -> disk.put(inode, bytes.clone()));
  }

  private static Attributes attributes(long inode, long size) {
    return Attributes.newBuilder().setInode(inode).setSize(size).setSet(SET).build();
  }

  private SetVerdict check() throws Outcome {
    SetConfigMessage.Builder set = SetConfigMessage.newBuilder().setSet(SET).setEpoch(1);
    for (int i = 0; i < disks.size(); i++) {
      set.addMembers(
          MemberMessage.newBuilder()
              .setId(i + 1)
              .setMode((i == 2 ? thirdMode : MemberMode.RW).number())
              .setAddress("disk:" + i));
    }
    VolumeRow volume = VolumeRow.newBuilder().setName("demo").addSets(set).build();
    try (AdminConnection connection =
        new AdminConnection(this::peer, () -> {}, List.of("master:1"))) {
      return new VolumeCheck(connection, new Leases(), new NoProgress(), 1).run(volume).get(0);
    }
  }

  @Test
  void equalMembersAreEqual() throws Exception {
    SetVerdict verdict = check();
    assertThat(verdict.verdict()).isEqualTo(Verdict.EQUAL);
    assertThat(verdict.files()).isEqualTo(4);
    assertThat(verdict.bytes()).isEqualTo(5000 + BIG + 3 * Limits.BLOCK_BYTES);
    assertThat(verdict.members()).containsExactly("1@disk:0", "2@disk:1", "3@disk:2");
    assertThat(leased).isEmpty();
  }

  @Test
  void flippedBitIsNamedWithMemberFileAndOffset() throws Exception {
    disks.get(1).get(11L)[BIG - 50] ^= 4;
    SetVerdict verdict = check();
    assertThat(verdict.verdict()).isEqualTo(Verdict.DIFFERENT);
    long offset = (long) (BIG - 50) / Limits.BLOCK_BYTES * Limits.BLOCK_BYTES;
    assertThat(verdict.differences())
        .containsExactly(
            new Difference(
                SET,
                2,
                "disk:1",
                "/file11",
                offset,
                Limits.BLOCK_BYTES,
                "the bytes differ from those of the other members"));
    assertThat(leased).containsExactly(11L);
  }

  @Test
  void neighbouringBlocksAreOneRange() throws Exception {
    Arrays.fill(disks.get(2).get(12L), Limits.BLOCK_BYTES, 3 * Limits.BLOCK_BYTES, (byte) 0);
    assertThat(check().differences())
        .singleElement()
        .satisfies(
            d -> {
              assertThat(d.member()).isEqualTo(3);
              assertThat(d.offset()).isEqualTo(Limits.BLOCK_BYTES);
              assertThat(d.length()).isEqualTo(2 * Limits.BLOCK_BYTES);
            });
  }

  @Test
  void truncatedObjectIsNamed() throws Exception {
    disks.get(0).put(11L, Arrays.copyOf(disks.get(0).get(11L), 4096));
    assertThat(check().differences())
        .singleElement()
        .satisfies(
            d -> {
              assertThat(d.member()).isEqualTo(1);
              assertThat(d.offset()).isEqualTo(4096);
              assertThat(d.what()).contains("size is 4096, expected " + BIG);
            });
  }

  @Test
  void swappedObjectsAreBothNamed() throws Exception {
    byte[] first = disks.get(0).get(10L);
    disks.get(0).put(10L, disks.get(0).get(12L));
    disks.get(0).put(12L, first);
    assertThat(check().differences())
        .allMatch(d -> d.member() == 1)
        .extracting(Difference::file)
        .contains("/file10", "/file12");
  }

  @Test
  void deletedObjectIsNamed() throws Exception {
    disks.get(2).remove(12L);
    assertThat(check().differences())
        .singleElement()
        .hasToString("set 7: member 3 (disk:2): /file12: the object is missing");
  }

  @Test
  void fileThatIsNowhereIsNamedOnEach() throws Exception {
    disks.forEach(disk -> disk.remove(12L));
    assertThat(check().differences()).hasSize(3).allMatch(d -> d.what().contains("missing"));
  }

  @Test
  void threeDifferentCopiesAreAllNamed() throws Exception {
    for (int i = 0; i < 3; i++) {
      disks.get(i).get(10L)[17] = (byte) i;
    }
    assertThat(check().differences()).extracting(Difference::member).containsExactly(1, 2, 3);
  }

  @Test
  void objectWithoutAFileIsNamed() throws Exception {
    disks.get(1).put(99L, new byte[10]);
    assertThat(check().differences())
        .singleElement()
        .hasToString("set 7: member 2 (disk:1): inode 99: an object of 10 bytes that no file has");
  }

  @Test
  void tombstoneIsNoStray() throws Exception {
    tombstones.put(
        98L, ObjectState.newBuilder().setInode(98).setExists(true).setTombstone(true).build());
    assertThat(check().verdict()).isEqualTo(Verdict.EQUAL);
  }

  @Test
  void memberThatIsNotInStepMakesTheCheckIncomplete() throws Exception {
    thirdMode = MemberMode.WO;
    disks.get(2).clear();
    SetVerdict verdict = check();
    assertThat(verdict.verdict()).isEqualTo(Verdict.INCOMPLETE);
    assertThat(verdict.skipped()).singleElement().asString().startsWith("member 3 is WO");
  }

  @Test
  void writeOnItsWayIsNoDifference() throws Exception {
    byte[] after = disks.get(0).get(10L).clone();
    disks.get(2).get(10L)[0]++;
    onLease = () -> disks.get(2).put(10L, after);
    assertThat(check().verdict()).isEqualTo(Verdict.EQUAL);
    assertThat(leased).containsExactly(10L);
  }

  @Test
  void busyFileThatCannotBeLeasedIsSkipped() throws Exception {
    disks.get(2).get(10L)[0]++;
    onLease =
        () -> {
          throw new IllegalStateException();
        };
    SetVerdict verdict = check();
    assertThat(verdict.verdict()).isEqualTo(Verdict.INCOMPLETE);
    assertThat(verdict.skipped()).singleElement().asString().contains("/file10", "busy");
  }

  private final class Leases implements SharedLeases {
    @Override
    public <T> T under(long inode, long set, Action<T> action) throws Outcome {
      leased.add(inode);
      try {
        onLease.run();
      } catch (IllegalStateException e) {
        throw new Outcome(ErrorCode.LEASE_TIMEOUT, "busy");
      }
      return action.run(namespace.get(inode));
    }
  }

  private static final class NoProgress implements CheckProgress {
    @Override
    public void onSet(long set, long files) {}

    @Override
    public void onFile(long bytes) {}

    @Override
    public void onSetEnd() {}
  }

  private Peer peer(String address) {
    Function<Request, Reply> server =
        address.startsWith("master")
            ? this::asMaster
            : request -> asMember(Integer.parseInt(address.substring("disk:".length())), request);
    return (request, payload, timeoutNs, onReply) ->
        onReply.onReply(server.apply(request), payload);
  }

  private Reply asMaster(Request request) {
    return switch (request.getBodyCase()) {
      case LIST_SET_INODES -> {
        ListSetInodesReply.Builder page = ListSetInodesReply.newBuilder();
        // Two entries at a time, whatever is asked for, so that the cursor is used.
        namespace.tailMap(request.getListSetInodes().getCursor(), false).values().stream()
            .limit(2)
            .forEach(
                a ->
                    page.addRows(
                        ListSetInodesReply.Row.newBuilder()
                            .setAttributes(a)
                            .setPath(ByteString.copyFromUtf8("/file" + a.getInode()))));
        yield Reply.newBuilder().setListSetInodes(page.setEnd(page.getRowsCount() < 2)).build();
      }
      case GET_ATTRIBUTES -> {
        Attributes found = namespace.get(request.getGetAttributes().getInode());
        yield found == null
            ? Replies.failure(ErrorCode.NOT_FOUND, "no such inode")
            : Reply.newBuilder()
                .setAttributes(AttributesReply.newBuilder().setAttributes(found))
                .build();
      }
      default -> Replies.failure(ErrorCode.BAD_REQUEST, request.getBodyCase().name());
    };
  }

  private Reply asMember(int index, Request request) {
    TreeMap<Long, byte[]> disk = disks.get(index);
    return switch (request.getBodyCase()) {
      case HASH_OBJECT ->
          Reply.newBuilder().setHashObject(hash(disk, request.getHashObject())).build();
      case STAT_OBJECT -> {
        long inode = request.getStatObject().getInode();
        yield Reply.newBuilder().setObjectState(state(disk, inode)).build();
      }
      case LIST_OBJECTS -> {
        ListMarksReply.Builder page = ListMarksReply.newBuilder().setEnd(true);
        long cursor = request.getListObjects().getCursor();
        disk.tailMap(cursor, false).keySet().forEach(i -> page.addObjects(state(disk, i)));
        page.addAllObjects(tombstones.tailMap(cursor, false).values());
        yield Reply.newBuilder().setListMarks(page).build();
      }
      default -> Replies.failure(ErrorCode.BAD_REQUEST, request.getBodyCase().name());
    };
  }

  private static ObjectState state(NavigableMap<Long, byte[]> disk, long inode) {
    byte[] bytes = disk.get(inode);
    return ObjectState.newBuilder()
        .setInode(inode)
        .setExists(bytes != null)
        .setSize(bytes == null ? 0 : bytes.length)
        .build();
  }

  private static HashObjectReply hash(NavigableMap<Long, byte[]> disk, HashObject request) {
    byte[] bytes = disk.get(request.getInode());
    if (bytes == null) {
      return HashObjectReply.getDefaultInstance();
    }
    ByteArrayOutputStream crcs = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(crcs);
    try {
      for (int i = 0; i < request.getBlocks(); i++) {
        long from = request.getOffset() + (long) i * Limits.BLOCK_BYTES;
        if (from >= bytes.length) {
          break;
        }
        CRC32C crc = new CRC32C();
        crc.update(bytes, (int) from, (int) Math.min(Limits.BLOCK_BYTES, bytes.length - from));
        out.writeInt((int) crc.getValue());
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return HashObjectReply.newBuilder()
        .setExists(true)
        .setSize(bytes.length)
        .setCrcs(ByteString.copyFrom(crcs.toByteArray()))
        .build();
  }
}

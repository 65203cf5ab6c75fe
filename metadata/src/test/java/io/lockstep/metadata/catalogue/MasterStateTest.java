package io.lockstep.metadata.catalogue;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.MemoryKvStore;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AddVolume;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.ChangeSet;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.DaemonRecord;
import io.lockstep.wire.message.EndSession;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.PublishVolume;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.RetireVolume;
import io.lockstep.wire.message.RootDirectory;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.StartLockd;
import io.lockstep.wire.message.VolumeRow;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class MasterStateTest {
  private final MemoryKvStore store = new MemoryKvStore();
  private final MasterState state = new MasterState(new Namespace());
  private long index;

  private List<Reply> apply(LogOperation.Builder... operations) {
    LogEntry.Builder entry = LogEntry.newBuilder().setVersion(1);
    for (LogOperation.Builder operation : operations) {
      entry.addOperations(operation.setWallTimeNs(1_000_000_000L));
    }
    try (KvStore.Batch batch = store.begin()) {
      List<Reply> replies = state.apply(batch, entry.build(), ++index);
      batch.commit();
      return replies;
    }
  }

  private Reply applyOne(LogOperation.Builder operation) {
    return apply(operation).get(0);
  }

  private static LogOperation.Builder addVolume(String name) {
    AddVolume.Builder add = AddVolume.newBuilder().setName(name).setReplicas(3).setMinReplicas(2);
    for (int id = 1; id <= 3; id++) {
      add.addMembers(
          MemberMessage.newBuilder()
              .setId(id)
              .setMode(1)
              .setIncarnation(1)
              .setDaemon(Convert.message(new UUID(0, id))));
    }
    return LogOperation.newBuilder().setAddVolume(add);
  }

  private VolumeRow volume(String name) {
    VolumeRow added = applyOne(addVolume(name)).getVolume().getVolume();
    return applyOne(
            LogOperation.newBuilder()
                .setPublishVolume(PublishVolume.newBuilder().setVolume(added.getVolume())))
        .getVolume()
        .getVolume();
  }

  private SessionReply session(String volume) {
    return applyOne(
            LogOperation.newBuilder().setOpenSession(OpenSession.newBuilder().setVolume(volume)))
        .getSession();
  }

  private static LogOperation.Builder create(
      long session, long sequence, long lowWater, long parent, String name) {
    return LogOperation.newBuilder()
        .setSession(session)
        .setSequence(sequence)
        .setLowWater(lowWater)
        .setMutation(
            Request.newBuilder()
                .setCreateInode(
                    CreateInode.newBuilder()
                        .setParent(parent)
                        .setName(ByteString.copyFromUtf8(name))
                        .setType(FileType.DIRECTORY)
                        .setMode(0755)));
  }

  private static LogOperation.Builder end(long session) {
    return LogOperation.newBuilder().setEndSession(EndSession.newBuilder().setSession(session));
  }

  private Map<String, String> rows() {
    Map<String, String> rows = new TreeMap<>();
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      snapshot.scan(
          new byte[0],
          null,
          (key, value) -> {
            rows.put(Arrays.toString(key), Arrays.toString(value));
            return true;
          });
    }
    return rows;
  }

  @Test
  void repeatedRequestGetsItsFirstAnswerAndChangesNothing() {
    volume("v");
    SessionReply session = session("v");
    Reply first = applyOne(create(session.getSession(), 5, 1, session.getRoot(), "d"));
    assertThat(Replies.isOk(first)).isTrue();
    Map<String, String> before = rows();
    assertThat(applyOne(create(session.getSession(), 5, 1, session.getRoot(), "d")))
        .isEqualTo(first);
    assertThat(rows()).isEqualTo(before);
    // Also a refusal is an answer that stands, whatever happened since.
    Reply refused = applyOne(create(session.getSession(), 6, 1, session.getRoot(), "d"));
    assertThat(Replies.code(refused)).isEqualTo(ErrorCode.EXISTS);
    assertThat(applyOne(create(session.getSession(), 6, 1, session.getRoot(), "other")))
        .isEqualTo(refused);
  }

  @Test
  void repeatInTheSameEntryIsExecutedOnce() {
    volume("v");
    SessionReply session = session("v");
    List<Reply> replies =
        apply(
            create(session.getSession(), 1, 1, session.getRoot(), "d"),
            create(session.getSession(), 1, 1, session.getRoot(), "d"));
    assertThat(Replies.isOk(replies.get(0))).isTrue();
    assertThat(replies.get(1)).isEqualTo(replies.get(0));
  }

  @Test
  void requestBelowTheLowWaterMarkIsNeverExecuted() {
    volume("v");
    SessionReply session = session("v");
    applyOne(create(session.getSession(), 1, 1, session.getRoot(), "a"));
    applyOne(create(session.getSession(), 3, 3, session.getRoot(), "c"));
    assertThat(Replies.code(applyOne(create(session.getSession(), 1, 1, session.getRoot(), "x"))))
        .isEqualTo(ErrorCode.ANSWERED_BEFORE);
    assertThat(Replies.code(applyOne(create(session.getSession(), 2, 1, session.getRoot(), "x"))))
        .isEqualTo(ErrorCode.ANSWERED_BEFORE);
  }

  @Test
  void answersBelowTheMarkAreForgottenHoweverFarItJumps() {
    volume("v");
    SessionReply session = session("v");
    long id = session.getSession();
    for (int i = 1; i <= 20; i++) {
      applyOne(create(id, i, 1, session.getRoot(), "d" + i));
    }
    assertThat(answers()).isEqualTo(20);
    applyOne(create(id, 21, 11, session.getRoot(), "e"));
    assertThat(answers()).isEqualTo(11);
    applyOne(create(id, 5000, 5000, session.getRoot(), "f"));
    assertThat(answers()).isEqualTo(1);
    // A mark above the request itself does not take its own answer.
    Reply last = applyOne(create(id, 5001, 9999, session.getRoot(), "g"));
    assertThat(applyOne(create(id, 5001, 9999, session.getRoot(), "g"))).isEqualTo(last);
  }

  private long answers() {
    int[] count = {0};
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      snapshot.scan(
          Keys.of(Keys.ANSWER),
          Keys.end(Keys.ANSWER),
          (key, value) -> {
            count[0]++;
            return true;
          });
    }
    return count[0];
  }

  @Test
  void sessionHasABoundedNumberOfAnswers() {
    volume("v");
    SessionReply session = session("v");
    applyOne(create(session.getSession(), 1, 1, session.getRoot(), "a"));
    assertThat(
            Replies.code(
                applyOne(
                    create(session.getSession(), Answers.WINDOW + 2, 1, session.getRoot(), "b"))))
        .isEqualTo(ErrorCode.BUSY);
  }

  @Test
  void endedSessionIsRefusedAndLeavesNothing() {
    volume("v");
    Map<String, String> before = rows();
    SessionReply session = session("v");
    applyOne(create(session.getSession(), 1, 1, 999, "a"));
    assertThat(Replies.isOk(applyOne(end(session.getSession())))).isTrue();
    assertThat(Replies.code(applyOne(create(session.getSession(), 1, 1, 999, "a"))))
        .isEqualTo(ErrorCode.SESSION_ENDED);
    assertThat(Replies.isOk(applyOne(end(session.getSession())))).isTrue();
    Map<String, String> after = rows();
    // Only the counter of ids went on: no id is given twice.
    before.entrySet().removeAll(after.entrySet());
    assertThat(before).hasSize(1);
    assertThat(session("v").getSession()).isNotEqualTo(session.getSession());
  }

  @Test
  void sessionChangesNothingOfAnotherVolume() {
    volume("v");
    VolumeRow other = volume("w");
    SessionReply session = session("v");
    assertThat(Replies.code(applyOne(create(session.getSession(), 1, 1, other.getRoot(), "a"))))
        .isEqualTo(ErrorCode.CROSS_DEVICE);
  }

  @Test
  void configurationChangesByCompareAndSetOfItsEpoch() {
    SetConfigMessage config = volume("v").getSets(0);
    ChangeSet.Builder change =
        ChangeSet.newBuilder()
            .setExpectedEpoch(1)
            .setConfig(config.toBuilder().setEpoch(2).setOpen(false));
    Reply changed = applyOne(LogOperation.newBuilder().setChangeSet(change));
    assertThat(changed.getSetConfigs().getSets(0).getEpoch()).isEqualTo(2);
    Reply refused =
        applyOne(
            LogOperation.newBuilder()
                .setChangeSet(change.setConfig(config.toBuilder().setEpoch(2).setOpen(true))));
    assertThat(Replies.code(refused)).isEqualTo(ErrorCode.CONFLICT);
    assertThat(refused.getSetConfigs().getSets(0)).isEqualTo(changed.getSetConfigs().getSets(0));
  }

  @Test
  void olderRunOfADaemonIsRefused() {
    DaemonRecord.Builder daemon =
        DaemonRecord.newBuilder()
            .setDaemon(Convert.message(new UUID(0, 1)))
            .setIncarnation(5)
            .setAddress("a:1");
    assertThat(Replies.isOk(applyOne(LogOperation.newBuilder().setRegisterDaemon(daemon))))
        .isTrue();
    assertThat(
            Replies.code(
                applyOne(LogOperation.newBuilder().setRegisterDaemon(daemon.setIncarnation(4)))))
        .isEqualTo(ErrorCode.CONFLICT);
  }

  @Test
  void termsOfLockdRiseEvenWithinOneEntry() {
    LogOperation.Builder start =
        LogOperation.newBuilder().setStartLockd(StartLockd.getDefaultInstance());
    List<Reply> replies = apply(start, start.clone());
    assertThat(replies.get(1).getStartLockd().getTerm())
        .isGreaterThan(replies.get(0).getStartLockd().getTerm());
    index = 100;
    assertThat(applyOne(start).getStartLockd().getTerm()).isEqualTo(101);
  }

  @Test
  void volumeNamesAreCheckedAndTaken() {
    volume("demo");
    assertThat(Replies.code(applyOne(addVolume("demo")))).isEqualTo(ErrorCode.EXISTS);
    for (String bad : List.of("", "-x", "a b", "a/b", "x".repeat(65), "\u00e9")) {
      assertThat(Replies.code(applyOne(addVolume(bad))))
          .as(bad)
          .isEqualTo(ErrorCode.INVALID_ARGUMENT);
    }
    assertThat(Replies.isOk(applyOne(addVolume("a.b_c-1")))).isTrue();
  }

  @Test
  void repeatOfAWishGetsTheVolumeThatWasMadeForIt() {
    LogOperation.Builder wished = addVolume("photos");
    wished.getAddVolumeBuilder().setWish(7);
    VolumeRow made = applyOne(wished).getVolume().getVolume();
    assertThat(applyOne(wished).getVolume().getVolume()).isEqualTo(made);
    LogOperation.Builder other = addVolume("photos");
    other.getAddVolumeBuilder().setWish(8);
    assertThat(Replies.code(applyOne(other))).isEqualTo(ErrorCode.EXISTS);
    assertThat(Replies.code(applyOne(addVolume("photos")))).isEqualTo(ErrorCode.EXISTS);
    applyOne(
        LogOperation.newBuilder()
            .setRetireVolume(RetireVolume.newBuilder().setVolume(made.getVolume())));
    assertThat(Replies.code(applyOne(wished))).as("deleted since").isEqualTo(ErrorCode.EXISTS);
  }

  /** As records that were written before volumes had wishes. */
  @Test
  void volumeOfAnUnknownWishIsNobodysRepeat() {
    volume("demo");
    LogOperation.Builder wished = addVolume("demo");
    wished.getAddVolumeBuilder().setWish(7);
    assertThat(Replies.code(applyOne(wished))).isEqualTo(ErrorCode.EXISTS);
  }

  @Test
  void rootDirectoryIsMadeAsItWasAskedFor() {
    LogOperation.Builder add = addVolume("photos");
    add.getAddVolumeBuilder()
        .setRoot(RootDirectory.newBuilder().setUid(1000).setGid(100).setMode(0750));
    long id = applyOne(add).getVolume().getVolume().getVolume();
    long root =
        applyOne(
                LogOperation.newBuilder()
                    .setPublishVolume(PublishVolume.newBuilder().setVolume(id)))
            .getVolume()
            .getVolume()
            .getRoot();
    try (KvStore.Snapshot snapshot = store.snapshot()) {
      Attributes attributes = new Namespace().attributes(snapshot, root);
      assertThat(attributes.getUid()).isEqualTo(1000);
      assertThat(attributes.getGid()).isEqualTo(100);
      assertThat(attributes.getMode()).isEqualTo(0750);
    }
  }

  @Test
  void volumeThatIsNotPublishedCannotBeOpened() {
    applyOne(addVolume("v"));
    assertThat(
            Replies.code(
                applyOne(
                    LogOperation.newBuilder()
                        .setOpenSession(OpenSession.newBuilder().setVolume("v")))))
        .isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void sameEntriesMakeTheSameState() {
    volume("v");
    SessionReply session = session("v");
    apply(create(session.getSession(), 1, 1, session.getRoot(), "a"));
    Map<String, String> first = rows();
    MasterStateTest again = new MasterStateTest();
    again.volume("v");
    SessionReply sameSession = again.session("v");
    again.apply(create(sameSession.getSession(), 1, 1, sameSession.getRoot(), "a"));
    assertThat(again.rows()).isEqualTo(first);
  }
}

package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.core.Token;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.ClearDirty;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.ObjectContext;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PreOp;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SealObject;
import io.lockstep.wire.message.SettleObject;
import io.lockstep.wire.message.StatObject;
import io.lockstep.wire.message.SyncObjects;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Confined to the master agent. One try to make one object equal on its members after an unclean
 * end (P1), at one epoch:
 *
 * <pre>
 * seal (or look, when the set is closed) -> nobody dirty, nobody in step half repaired: done
 *   -> only half repaired copies are left: one of them is kept as it is
 *   -> the rest pull from the newest -> sync the newest -> size at the master
 *   -> pending marks for the absent -> clear the dirty marks
 * </pre>
 *
 * <p>Every step may be repeated; a try that ends early leaves the marks, so the next one goes on.
 */
final class ObjectSettling {
  /** A pull may copy a large object. */
  private static final int PULL_CALLS = 15;

  /**
   * How a try ended.
   *
   * @param code OK = settled, or nothing to settle
   * @param failed the member that did not do its part, or null
   */
  record Result(ErrorCode code, Member failed) {
    static final Result SETTLED = new Result(ErrorCode.OK, null);
  }

  private final Ports ports;
  private final Namespace namespace;
  private final SetConfig config;
  private final List<Member> members;
  private final long inode;
  private final boolean seal;
  private final Consumer<Result> then;
  private final Map<Integer, ObjectState> states = new TreeMap<>();
  private Token token;

  /**
   * @param members that take part, RW ones among them
   * @param token to seal with; NONE = nobody can write, take the newest that the members know
   */
  ObjectSettling(
      Ports ports,
      Namespace namespace,
      SetConfig config,
      List<Member> members,
      long inode,
      Token token,
      Consumer<Result> then) {
    this.ports = ports;
    this.namespace = namespace;
    this.config = config;
    this.members = members;
    this.inode = inode;
    this.token = token;
    this.seal = !token.equals(Token.NONE);
    this.then = then;
  }

  void start() {
    Request request = seal ? sealRequest() : statRequest();
    ports.askAll(members, member -> request, ports.times().memberCallNs(), this::onStates);
  }

  private Request sealRequest() {
    return Request.newBuilder()
        .setSealObject(
            SealObject.newBuilder()
                .setSet(config.set())
                .setEpoch(config.epoch())
                .setInode(inode)
                .setToken(Convert.message(token)))
        .build();
  }

  private Request statRequest() {
    return Request.newBuilder()
        .setStatObject(
            StatObject.newBuilder().setSet(config.set()).setInode(inode).setSettling(true))
        .build();
  }

  private void onStates(Map<Integer, Reply> replies) {
    if (endedByFailure(replies)) {
      return;
    }
    replies.forEach((member, reply) -> states.put(member, reply.getObjectState()));
    if (states.values().stream().anyMatch(ObjectState::getTombstone)) {
      then.accept(Result.SETTLED);
      return;
    }
    if (members.stream().allMatch(this::isSettled)) {
      onClean();
      return;
    }
    if (!seal) {
      token =
          states.values().stream()
              .map(state -> Convert.token(state.getNewestToken()))
              .max(Comparator.naturalOrder())
              .orElse(Token.NONE);
    }
    Member source = source();
    if (states.get(source.id()).getHalfRepaired()) {
      ports.askAll(
          List.of(source),
          member -> settleRequest(source),
          ports.times().memberCallNs(),
          kept -> onKept(source, kept));
    } else {
      pull(source);
    }
  }

  /** Half repaired and in step: settling ended with its source. A WO member heals anyway. */
  static boolean isHalfSettled(Member member, ObjectState state) {
    return state.getHalfRepaired() && member.mode() == MemberMode.RW;
  }

  private boolean isSettled(Member member) {
    ObjectState state = states.get(member.id());
    return !state.getDirty() && !isHalfSettled(member, state);
  }

  private void onKept(Member source, Map<Integer, Reply> replies) {
    if (!endedByFailure(replies)) {
      states.put(source.id(), replies.get(source.id()).getObjectState());
      pull(source);
    }
  }

  private Request settleRequest(Member source) {
    return Request.newBuilder()
        .setSettleObject(
            SettleObject.newBuilder()
                .setSet(config.set())
                .setEpoch(config.epoch())
                .setInode(inode)
                .setToken(Convert.message(token))
                .setSource(source.id())
                .setSourceAddress(ports.address(source.daemon())))
        .build();
  }

  private void pull(Member source) {
    List<Member> others = members.stream().filter(m -> m.id() != source.id()).toList();
    Request pull = settleRequest(source);
    ports.askAll(
        others,
        member -> pull,
        PULL_CALLS * ports.times().memberCallNs(),
        pulled -> onPulled(source, pulled));
  }

  /**
   * No dirty mark is left. That does not say that the master knows the size: marks go with a holder
   * who has told it, but also when each member in turn was healed from another. So after a lease, a
   * size that differs is taken from the members in step, which are equal, and the time with it.
   */
  private void onClean() {
    List<ObjectState> readers =
        members.stream()
            .filter(member -> member.mode() == MemberMode.RW)
            .map(member -> states.get(member.id()))
            .toList();
    boolean equal =
        !readers.isEmpty()
            && readers.stream().allMatch(ObjectState::getExists)
            && readers.stream().mapToLong(ObjectState::getSize).distinct().count() == 1;
    Attributes known = ports.read(state -> namespace.attributes(state, inode));
    if (seal && equal && known != null && known.getSize() != readers.get(0).getSize()) {
      refresh(readers.get(0), () -> then.accept(Result.SETTLED));
    } else {
      // Its times may be those that an application chose; the members only know of writes.
      then.accept(Result.SETTLED);
    }
  }

  /**
   * The member in step with the newest dirty mark, if it can be with a whole copy; of equal ones
   * the longest copy.
   */
  private Member source() {
    return members.stream()
        .filter(member -> member.mode() == MemberMode.RW)
        .max(
            Comparator.comparing((Member m) -> !states.get(m.id()).getHalfRepaired())
                .thenComparing(this::dirtyToken)
                .thenComparingLong(member -> states.get(member.id()).getDirtyCycle())
                .thenComparingLong(member -> states.get(member.id()).getSize()))
        .orElse(members.get(0));
  }

  private Token dirtyToken(Member member) {
    ObjectState state = states.get(member.id());
    return state.getDirty() ? Convert.token(state.getDirtyToken()) : Token.NONE;
  }

  private void onPulled(Member source, Map<Integer, Reply> replies) {
    for (Reply reply : replies.values()) {
      ErrorCode code = Replies.code(reply);
      if (!code.isOk() && code != ErrorCode.IO_ERROR && code != ErrorCode.NO_SPACE) {
        // It may be the source that is gone: the next try's seal tells who.
        then.accept(code == ErrorCode.OBJECT_DELETED ? Result.SETTLED : new Result(code, null));
        return;
      }
    }
    if (endedByFailure(replies)) {
      return;
    }
    replies.forEach((member, reply) -> states.put(member, reply.getObjectState()));
    Request sync =
        Request.newBuilder()
            .setSyncObjects(
                SyncObjects.newBuilder()
                    .setSet(config.set())
                    .setEpoch(config.epoch())
                    .addInodes(inode))
            .build();
    ports.askAll(
        List.of(source),
        member -> sync,
        ports.times().memberCallNs(),
        synced -> onSynced(source, synced));
  }

  private void onSynced(Member source, Map<Integer, Reply> replies) {
    if (endedByFailure(replies)) {
      return;
    }
    Reply reply = replies.get(source.id());
    if (reply.getSyncObjects().getFailuresCount() > 0) {
      int code = reply.getSyncObjects().getFailures(0).getCode();
      then.accept(new Result(ErrorCode.ofNumber(code), source));
      return;
    }
    refresh(states.get(source.id()), this::standForAbsent);
  }

  /** Size and time of the settled object, if the master has others. */
  private void refresh(ObjectState settled, Runnable next) {
    Attributes now = ports.read(state -> namespace.attributes(state, inode));
    if (now == null) {
      // Collected meanwhile: its object will be, too.
      then.accept(Result.SETTLED);
      return;
    }
    boolean newer =
        settled.hasMtime() && Convert.nanos(settled.getMtime()) > Convert.nanos(now.getMtime());
    if (now.getSize() == settled.getSize() && !newer) {
      next.run();
      return;
    }
    RefreshInodes.Update.Builder update =
        RefreshInodes.Update.newBuilder()
            .setInode(inode)
            .setToken(Convert.message(token))
            .setSize(settled.getSize())
            .setAllocated(settled.getAllocated());
    if (newer) {
      update.setMtime(settled.getMtime()).setCtime(settled.getMtime());
    }
    ports.log(
        LogOperation.newBuilder()
            .setMutation(
                Request.newBuilder()
                    .setRefreshInodes(RefreshInodes.newBuilder().addUpdates(update))),
        reply -> {
          if (Replies.isOk(reply)) {
            next.run();
          } else {
            then.accept(new Result(Replies.code(reply), null));
          }
        });
  }

  /** Before a dirty mark goes, pending marks stand for whoever took no part (P2). */
  private void standForAbsent() {
    List<Integer> absent = absent();
    boolean stand =
        states.values().stream()
            .allMatch(
                state ->
                    absent.stream()
                        .allMatch(
                            id ->
                                state.getPendingList().stream()
                                    .anyMatch(mark -> mark.getMember() == id)));
    if (stand) {
      clear(Map.of());
      return;
    }
    long cycle = 1 + states.values().stream().mapToLong(ObjectState::getDirtyCycle).max().orElse(0);
    Request mark =
        Request.newBuilder()
            .setPreOp(
                PreOp.newBuilder()
                    .setContext(
                        ObjectContext.newBuilder()
                            .setSet(config.set())
                            .setInode(inode)
                            .setEpoch(config.epoch())
                            .setToken(Convert.message(token))
                            .setCycle(cycle)
                            .addAllAbsent(absent)))
            .build();
    ports.askAll(
        members,
        member -> mark,
        ports.times().memberCallNs(),
        replies -> {
          if (replies.values().stream().allMatch(Replies::isOk)) {
            Map<Integer, ClearDirty.Item> marks = new TreeMap<>();
            members.forEach(member -> marks.put(member.id(), item(token, cycle)));
            clear(marks);
          } else {
            endedByFailure(replies);
          }
        });
  }

  private List<Integer> absent() {
    return config.members().stream()
        .map(Member::id)
        .filter(id -> members.stream().noneMatch(member -> member.id() == id))
        .toList();
  }

  private ClearDirty.Item item(ObjectState state) {
    return item(Convert.token(state.getDirtyToken()), state.getDirtyCycle());
  }

  private ClearDirty.Item item(Token of, long cycle) {
    return ClearDirty.Item.newBuilder()
        .setInode(inode)
        .setToken(Convert.message(of))
        .setCycle(cycle)
        .build();
  }

  /**
   * Clears the marks given, or each member's own, and tells everybody that the newest is gone: a
   * heal that heard of it from another must not set it any more.
   */
  private void clear(Map<Integer, ClearDirty.Item> marks) {
    ObjectState newest =
        states.values().stream()
            .filter(ObjectState::getDirty)
            .max(
                Comparator.comparing((ObjectState state) -> Convert.token(state.getDirtyToken()))
                    .thenComparingLong(ObjectState::getDirtyCycle))
            .orElse(ObjectState.getDefaultInstance());
    ports.askAll(
        members,
        member -> {
          ClearDirty.Builder clear =
              ClearDirty.newBuilder()
                  .setSet(config.set())
                  .setEpoch(config.epoch())
                  .addAllAbsent(absent());
          ObjectState own = states.get(member.id());
          if (marks.containsKey(member.id())) {
            clear.addItems(marks.get(member.id()));
          } else {
            clear.addItems(item(newest));
            if (own.getDirty() && !item(own).equals(item(newest))) {
              clear.addItems(item(own));
            }
          }
          return Request.newBuilder().setClearDirty(clear).build();
        },
        ports.times().memberCallNs(),
        replies -> {
          if (!endedByFailure(replies)) {
            then.accept(Result.SETTLED);
          }
        });
  }

  private boolean endedByFailure(Map<Integer, Reply> replies) {
    for (Member member : members) {
      Reply reply = replies.get(member.id());
      if (reply == null || Replies.isOk(reply)) {
        continue;
      }
      ErrorCode code = Replies.code(reply);
      switch (code) {
        case OBJECT_DELETED -> then.accept(Result.SETTLED);
        case STALE_TOKEN, STALE_EPOCH, BUSY, SET_CLOSED -> then.accept(new Result(code, null));
        default -> then.accept(new Result(code, member));
      }
      return true;
    }
    return false;
  }
}

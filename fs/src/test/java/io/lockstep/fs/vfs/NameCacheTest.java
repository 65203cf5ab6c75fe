package io.lockstep.fs.vfs;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.NamesGrant;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.RenameEntryReply;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the name cache answers, when it has to be silent, and what a recall takes from it. */
class NameCacheTest {
  private static final long D = 10;
  private static final long E = 11;
  private static final long FILE = 20;
  private static final ByteString X = ByteString.copyFromUtf8("x");
  private static final ByteString Y = ByteString.copyFromUtf8("y");
  private static final NamesGrant NOTHING = NamesGrant.getDefaultInstance();
  private static final NamesGrant ASKED = NamesGrant.newBuilder().setAsked(true).build();
  private static final NamesGrant FOUND = NamesGrant.newBuilder().setFound(true).build();

  private NameCache cache;

  @BeforeEach
  void make() {
    cache = new NameCache(100);
  }

  private static Attributes file(long inode, int mode) {
    return Attributes.newBuilder()
        .setInode(inode)
        .setType(FileType.REGULAR)
        .setNlink(1)
        .setMode(mode)
        .build();
  }

  private static Attributes directory(long inode, int nlink) {
    return Attributes.newBuilder()
        .setInode(inode)
        .setType(FileType.DIRECTORY)
        .setNlink(nlink)
        .build();
  }

  /** Leases the directory by looking a name up in it. */
  private void walked(long inode, ByteString name, Attributes found) {
    cache.onWalked(cache.ask(inode, true, true), name, found, ASKED);
  }

  private Attributes looked(long inode, ByteString name) {
    NameCache.Found found = cache.lookup(inode, name);
    assertThat(found).as("known").isNotNull();
    return found.attributes();
  }

  private static ReadDirectoryReply page(boolean end, Attributes... files) {
    ReadDirectoryReply.Builder page = ReadDirectoryReply.newBuilder().setEnd(end);
    for (Attributes file : files) {
      page.addEntries(
          DirectoryEntry.newBuilder()
              .setName(ByteString.copyFromUtf8("f" + file.getInode()))
              .setInode(file.getInode())
              .setType(file.getType())
              .setAttributes(file));
    }
    return page.build();
  }

  @Test
  void namesAndAbsentNamesAreAnsweredUnderALease() {
    walked(D, X, file(FILE, 1));
    walked(D, Y, null);
    assertThat(looked(D, X)).isEqualTo(file(FILE, 1));
    assertThat(looked(D, Y)).isNull();
    assertThat(cache.attributes(FILE)).isEqualTo(file(FILE, 1));
    assertThat(cache.lookup(E, X)).isNull();
  }

  @Test
  void withoutAGrantNothingIsKept() {
    cache.onWalked(cache.ask(D, true, true), X, file(FILE, 1), NOTHING);
    assertThat(cache.lookup(D, X)).isNull();
    assertThat(cache.attributes(FILE)).isNull();
  }

  @Test
  void leaseThatIsHeldIsNotProposedAgain() {
    assertThat(cache.ask(D, true, false).lease).isPositive();
    walked(D, X, null);
    assertThat(cache.ask(D, true, false).lease).isZero();
    assertThat(cache.ask(E, false, false).lease).isZero();
  }

  @Test
  void recallTakesEverythingOfTheDirectory() {
    NameAsk ask = cache.ask(D, true, true);
    cache.onWalked(ask, X, file(FILE, 1), ASKED);
    cache.onRecall(D, ask.lease - 1);
    assertThat(cache.lookup(D, X)).as("an older lease was recalled").isNotNull();
    cache.onRecall(D, ask.lease);
    assertThat(cache.lookup(D, X)).isNull();
    assertThat(cache.attributes(FILE)).isNull();
    assertThat(cache.entries()).isZero();
  }

  @Test
  void grantThatARecallHasOvertakenIsVoid() {
    assertThat(knowsAfterOvertakingRecall(NameCacheRules.PRODUCTION)).isFalse();
  }

  @Test
  void mutantThatTakesAGrantAfterItsRecallIsCaught() {
    NameCacheRules deaf =
        new NameCacheRules() {
          @Override
          boolean isRecalled(long lease, long recalled) {
            return false;
          }
        };
    assertThat(knowsAfterOvertakingRecall(deaf)).isTrue();
  }

  private boolean knowsAfterOvertakingRecall(NameCacheRules rules) {
    cache = new NameCache(100, rules);
    NameAsk ask = cache.ask(D, true, true);
    cache.onRecall(D, ask.lease);
    // The name was absent when the master read it; another mount has made it since.
    cache.onWalked(ask, X, null, ASKED);
    return cache.lookup(D, X) != null;
  }

  @Test
  void recallOfAFoundDirectoryMayOvertakeItsGrantToo() {
    NameAsk ask = cache.ask(D, true, true);
    cache.onRecall(E, ask.foundLease);
    cache.onWalked(ask, X, directory(E, 2), FOUND);
    assertThat(cache.attributes(E)).isNull();
  }

  @Test
  void questionsFromBeforeAClearBringNothing() {
    NameAsk ask = cache.ask(D, true, true);
    cache.clear(false);
    cache.onWalked(ask, X, file(FILE, 1), ASKED);
    assertThat(cache.lookup(D, X)).isNull();
  }

  @Test
  void attributesOfLinkedAndOfForeignFilesAreNotKept() {
    walked(D, X, file(FILE, 1).toBuilder().setNlink(2).build());
    assertThat(cache.lookup(D, X)).isNull();
    cache.onWalked(
        cache.ask(D, true, true), Y, file(21, 1), ASKED.toBuilder().setForeign(true).build());
    assertThat(cache.lookup(D, Y)).isNull();
    assertThat(cache.attributes(21)).isNull();
  }

  @Test
  void wholeListingKnowsWhatIsNotThere() {
    NameAsk first = cache.ask(D, true, false);
    NameCache.Listing listing = cache.onListed(first, null, 0, page(false, file(1, 7)), ASKED);
    assertThat(cache.lookup(D, X)).isNull();
    NameAsk second = cache.ask(D, true, false);
    cache.onListed(second, listing, 1, page(true, file(2, 7)), NOTHING);
    assertThat(looked(D, X)).isNull();
    assertThat(looked(D, ByteString.copyFromUtf8("f2"))).isEqualTo(file(2, 7));
  }

  @Test
  void secondHalfOfAListingAloneIsNotTheWhole() {
    cache.onListed(cache.ask(D, true, false), null, 5, page(true, file(2, 7)), ASKED);
    assertThat(cache.lookup(D, X)).isNull();
  }

  @Test
  void ownChangesAreKnownAtTheirEnd() {
    walked(D, X, null);
    NamesGrant after = NamesGrant.newBuilder().addDirectories(directory(D, 5)).build();
    cache.onMade(cache.change(false, D), D, X, file(FILE, 1), after);
    assertThat(looked(D, X)).isEqualTo(file(FILE, 1));
    assertThat(cache.attributes(D)).isEqualTo(directory(D, 5));
    cache.onChanged(cache.change(false, FILE), file(FILE, 2), NOTHING);
    assertThat(looked(D, X)).isEqualTo(file(FILE, 2));
    cache.onRemoved(cache.change(false, D), D, X, file(FILE, 2), after);
    assertThat(looked(D, X)).isNull();
    assertThat(cache.attributes(FILE)).isNull();
  }

  @Test
  void newDirectoryIsKnownToBeEmpty() {
    NameChange change = cache.change(true, D);
    NamesGrant grant = NamesGrant.newBuilder().setFound(true).setFoundEmpty(true).build();
    cache.onMade(change, D, X, directory(E, 2), grant);
    assertThat(looked(E, Y)).isNull();
    assertThat(cache.attributes(E)).isEqualTo(directory(E, 2));
  }

  @Test
  void renameMovesNameAndAttributes() {
    walked(D, X, file(FILE, 1));
    walked(E, Y, file(21, 1));
    RenameEntryReply renamed =
        RenameEntryReply.newBuilder().setMoved(file(FILE, 3)).setReplaced(file(21, 1)).build();
    cache.onRenamed(cache.change(false, D, E), D, X, E, Y, renamed, NOTHING);
    assertThat(looked(D, X)).isNull();
    assertThat(looked(E, Y)).isEqualTo(file(FILE, 3));
    assertThat(cache.attributes(21)).isNull();
  }

  @Test
  void answerFromBeforeAnOwnChangeIsNotTaken() {
    walked(D, Y, null);
    NameAsk early = cache.ask(D, true, true);
    NameChange change = cache.change(false, D);
    NameAsk during = cache.ask(D, true, true);
    cache.onMade(change, D, X, file(FILE, 1), NOTHING);
    cache.onWalked(early, X, null, NOTHING);
    cache.onWalked(during, X, null, NOTHING);
    assertThat(looked(D, X)).isEqualTo(file(FILE, 1));
  }

  @Test
  void twoChangesOfADirectoryAtATimeLeaveNothingKnown() {
    walked(D, X, null);
    NameChange one = cache.change(false, D);
    NameChange two = cache.change(false, D);
    cache.onMade(one, D, X, file(FILE, 1), NOTHING);
    cache.onRemoved(two, D, X, file(FILE, 1), NOTHING);
    assertThat(cache.lookup(D, X)).isNull();
    walked(D, X, null);
    assertThat(looked(D, X)).as("the lease was kept").isNull();
  }

  @Test
  void directoryThatWasLeasedAnewDuringAChangeIsForgotten() {
    NameAsk ask = cache.ask(D, true, true);
    cache.onWalked(ask, X, null, ASKED);
    NameChange change = cache.change(false, D);
    cache.onRecall(D, ask.lease);
    walked(D, Y, null);
    cache.onMade(change, D, X, file(FILE, 1), NOTHING);
    assertThat(cache.lookup(D, X)).isNull();
  }

  @Test
  void changeWithAnUnknownEndKeepsItsDirectoryUnknownForTheSession() {
    walked(D, X, null);
    cache.onUnknown(cache.change(false, D));
    walked(D, X, null);
    assertThat(cache.lookup(D, X)).as("it may be executed yet").isNull();
    cache.clear(false);
    walked(D, X, null);
    assertThat(cache.lookup(D, X)).isNull();
    cache.clear(true);
    walked(D, X, null);
    assertThat(looked(D, X)).isNull();
  }

  @Test
  void touchedFileIsAskedAnewAndKnownAgain() {
    walked(D, X, file(FILE, 1));
    NameAsk early = cache.askAttributes(FILE, true);
    cache.onTouched(FILE);
    cache.onAttributes(early, file(FILE, 1), NOTHING);
    assertThat(cache.attributes(FILE)).isNull();
    cache.onAttributes(cache.askAttributes(FILE, true), file(FILE, 2), NOTHING);
    assertThat(looked(D, X)).isEqualTo(file(FILE, 2));
  }

  @Test
  void leastRecentlyUsedDirectoryIsLetGo() {
    cache = new NameCache(4);
    walked(D, X, null);
    walked(E, X, null);
    assertThat(cache.takeReleased()).isEmpty();
    looked(D, X);
    walked(E + 1, X, null);
    assertThat(cache.takeReleased()).hasSize(1).allMatch(item -> item.getDirectory() == E);
    assertThat(cache.lookup(E, X)).isNull();
    assertThat(looked(D, X)).isNull();
    for (int i = 0; i < 10; i++) {
      walked(D, ByteString.copyFromUtf8("name" + i), file(100 + i, 1));
    }
    assertThat(cache.entries()).isLessThanOrEqualTo(4);
  }
}

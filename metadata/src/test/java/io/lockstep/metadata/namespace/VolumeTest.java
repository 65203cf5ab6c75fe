package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.wire.message.ListSetInodes;
import io.lockstep.wire.message.ListSetInodesReply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the master asks of the namespace: usage, files of a set, purge, the inode counter. */
final class VolumeTest {
  private final Tree tree = new Tree();

  private ListSetInodesReply page(long cursor, int max) {
    return ok(tree.query(
            Request.newBuilder()
                .setListSetInodes(
                    ListSetInodes.newBuilder()
                        .setSet(Tree.SET)
                        .setCursor(cursor)
                        .setEntriesMax(max))))
        .getListSetInodes();
  }

  @Test
  void filesOfASetAreListedWithAPath() {
    long a = tree.directory(tree.root, "a");
    long b = tree.directory(a, "b");
    long f = tree.file(b, "f");
    long g = tree.file(tree.root, "g");
    long h = tree.file(tree.root, "h");
    tree.symlink(tree.root, "s", "t");
    ok(tree.unlink(tree.root, "h"));
    List<String> rows = new ArrayList<>();
    ListSetInodesReply page = page(0, 2);
    assertThat(page.getEnd()).isFalse();
    page.getRowsList().forEach(row -> rows.add(shown(row)));
    page = page(page.getRows(1).getAttributes().getInode(), 2);
    assertThat(page.getEnd()).isTrue();
    page.getRowsList().forEach(row -> rows.add(shown(row)));
    assertThat(rows).containsExactly(f + " /a/b/f", g + " /g", h + " ");
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      assertThat(tree.namespace.path(snapshot, tree.root).toStringUtf8()).isEqualTo("/");
      assertThat(tree.namespace.path(snapshot, b).toStringUtf8()).isEqualTo("/a/b");
      assertThat(tree.namespace.path(snapshot, 9999).isEmpty()).isTrue();
    }
  }

  private static String shown(ListSetInodesReply.Row row) {
    return row.getAttributes().getInode() + " " + row.getPath().toStringUtf8();
  }

  @Test
  void usageCountsInodesAndBytes() {
    long f = tree.file(tree.root, "f");
    tree.directory(tree.root, "d");
    tree.symlink(tree.root, "s", "target");
    ok(tree.truncate(f, 1000, new Token(1, 1)));
    assertThat(tree.usage()).isEqualTo(new Usage(4, 1000));
    ok(tree.unlink(tree.root, "f"));
    assertThat(tree.usage()).as("orphans count").isEqualTo(new Usage(4, 1000));
    tree.collect(f);
    assertThat(tree.usage()).isEqualTo(new Usage(3, 0));
  }

  @Test
  void emptinessIsOfEntries() {
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      assertThat(tree.namespace.isEmpty(snapshot, tree.root)).isTrue();
    }
    tree.file(tree.root, "f");
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      assertThat(tree.namespace.isEmpty(snapshot, tree.root)).isFalse();
    }
  }

  @Test
  void purgeTakesOneVolumeInBoundedSteps() {
    long doomedRoot;
    try (KvStore.Batch batch = tree.store.begin()) {
      doomedRoot = tree.namespace.createVolumeRoot(batch, 78, tree.stamp());
      batch.commit();
    }
    long directory = tree.directory(doomedRoot, "d");
    for (int i = 0; i < 50; i++) {
      long f = tree.file(directory, "f" + i);
      ok(tree.setXattr(f, "user.a", "1"));
      ok(tree.link(f, doomedRoot, "l" + i));
    }
    ok(tree.unlink(doomedRoot, "l3"));
    ok(tree.unlink(directory, "f3"));
    long kept = tree.file(tree.root, "kept");
    int steps = 0;
    long next = 0;
    do {
      try (KvStore.Batch batch = tree.store.begin()) {
        next = tree.namespace.purge(batch, 78, next, 7);
        batch.commit();
      }
      steps++;
    } while (next != 0);
    assertThat(steps).isGreaterThan(20);
    assertThat(tree.audit()).isEmpty();
    int[] left = {0};
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      snapshot.scan(new byte[0], null, (key, value) -> ++left[0] > 0);
      assertThat(tree.namespace.usage(snapshot, 78)).isEqualTo(Usage.NONE);
    }
    // Format, counter, usage; root and file with name, position, link and index of its set.
    assertThat(left[0]).isEqualTo(3 + 2 + 4);
    assertThat(tree.list(tree.root)).containsExactly("kept");
    assertThat(tree.attributes(kept).getNlink()).isEqualTo(1);
  }

  @Test
  void linkCountHasABound() {
    long f = tree.file(tree.root, "f");
    try (KvStore.Batch batch = tree.store.begin()) {
      Inode inode = Inode.decode(batch.get(KeyLayout.inode(f)));
      inode.setNlink(Limits.LINKS_MAX - 1);
      batch.put(KeyLayout.inode(f), inode.encode());
      batch.commit();
    }
    assertThat(ok(tree.link(f, tree.root, "last")).getAttributes().getAttributes().getNlink())
        .isEqualTo(Limits.LINKS_MAX);
    assertThat(Tree.code(tree.link(f, tree.root, "more"))).isEqualTo(ErrorCode.TOO_MANY_LINKS);
  }

  @Test
  void inodesStartAtTheFloor() {
    try (KvStore.Batch batch = tree.store.begin()) {
      tree.namespace.raiseNextInode(batch, 1_000_000);
      tree.namespace.raiseNextInode(batch, 5);
      assertThat(tree.namespace.nextInode(batch)).isEqualTo(1_000_000);
      batch.commit();
    }
    assertThat(tree.file(tree.root, "f")).isEqualTo(1_000_000);
  }
}

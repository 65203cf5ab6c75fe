package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.bytes;
import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.Check;
import io.lockstep.core.Token;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.wire.message.InodeRecord;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Format 1 byte for byte: a change of one of these needs a new format and a way to read this. */
final class KeyLayoutFormatTest {
  private static final String ID_1 = "0000000000000001";
  private static final String ID_2 = "0000000000000002";
  private static final String ID_3 = "0000000000000003";
  private static final String VOLUME = "000000000000004d";
  private static final String SET = "00000000000001f5";
  private static final String FIRST_POSITION = "0000ffffffffffff";
  private static final String SECOND_POSITION = "0000fffffffffffe";
  private static final String REGULAR = "01";
  private static final String SYMLINK = "03";

  private final Tree tree = new Tree();

  private static String hex(String text) {
    return HexFormat.of().formatHex(bytes(text).toByteArray());
  }

  private Map<String, String> rows() {
    Map<String, String> rows = new TreeMap<>();
    HexFormat hex = HexFormat.of();
    try (KvStore.Snapshot snapshot = tree.store.snapshot()) {
      snapshot.scan(
          new byte[0],
          null,
          (key, value) -> {
            rows.put(hex.formatHex(key), hex.formatHex(value));
            return true;
          });
    }
    return rows;
  }

  @Test
  void rowsOfASmallTreeAreThese() {
    long file = tree.file(tree.root, "f");
    tree.symlink(tree.root, "s", "t");
    ok(tree.setXattr(file, "user.a", "1"));
    ok(tree.truncate(file, 4096, new Token(1, 1)));
    ok(tree.unlink(tree.root, "f"));
    Map<String, String> rows = rows();
    rows.keySet().removeIf(key -> key.startsWith("01"));
    Map<String, String> expected = new TreeMap<>();
    expected.put("00", hex("lockstep\0") + "00000001");
    expected.put("02" + ID_1 + hex("s"), ID_3 + SYMLINK + SECOND_POSITION);
    expected.put("03" + ID_1 + SECOND_POSITION, ID_3 + SYMLINK + hex("s"));
    expected.put("04" + ID_3 + ID_1 + hex("s"), "");
    expected.put("05" + ID_2 + hex("user.a"), hex("1"));
    expected.put("06" + ID_2, "");
    expected.put("07" + SET + ID_2, "");
    expected.put("08" + VOLUME, ID_3 + "0000000000001000");
    expected.put("09", "0000000000000004");
    assertThat(rows).isEqualTo(expected);
  }

  @Test
  void nameRowsOfAFileAreThese() {
    tree.file(tree.root, "f");
    assertThat(rows())
        .containsEntry("02" + ID_1 + hex("f"), ID_2 + REGULAR + FIRST_POSITION)
        .containsEntry("03" + ID_1 + FIRST_POSITION, ID_2 + REGULAR + hex("f"))
        .containsEntry("04" + ID_2 + ID_1 + hex("f"), "");
  }

  @Test
  void inodeRecordIsThis() {
    long file = tree.file(tree.root, "f");
    ok(tree.setXattr(file, "user.a", "1"));
    ok(tree.truncate(file, 4096, new Token(1, 2)));
    String time = "06088" + "%s" + "e2cfaa06";
    assertThat(rows().get("01" + ID_2))
        .isEqualTo(
            "0801"
                + "1243"
                + "090200000000000000"
                + "1001"
                + "18a403"
                + "3001"
                + "388020"
                + "42"
                + time.formatted("1")
                + "4a"
                + time.formatted("3")
                + "52"
                + time.formatted("3")
                + "61f501000000000000"
                + "694d00000000000000"
                + "720408011002"
                + "3007"
                + "3808");
  }

  @Test
  void recordOfAnotherFormatIsNotRead() {
    byte[] newer = InodeRecord.newBuilder().setFormat(2).build().toByteArray();
    assertThatThrownBy(() -> Inode.decode(newer)).isInstanceOf(Check.BrokenInvariant.class);
    assertThatThrownBy(() -> Inode.decode(new byte[] {1, 2, 3}))
        .isInstanceOf(Check.BrokenInvariant.class);
  }

  @Test
  void namespaceKeysStayBelowTheFreePrefixes() {
    tree.directory(tree.root, "d");
    assertThat(rows().keySet())
        .allMatch(key -> Integer.parseInt(key.substring(0, 2), 16) < Namespace.FIRST_FREE_PREFIX);
  }

  @Test
  void endOfARangeIsAfterEverythingInIt() {
    assertThat(KeyLayout.endOf(KeyLayout.names(-1))).containsExactly(3);
    assertThat(KeyLayout.endOf(KeyLayout.names(0xff))).containsExactly(2, 0, 0, 0, 0, 0, 0, 1);
    assertThat(KeyLayout.endOf(KeyLayout.names(4))).isEqualTo(KeyLayout.names(5));
  }
}

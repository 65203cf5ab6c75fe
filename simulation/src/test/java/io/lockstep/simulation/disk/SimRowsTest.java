package io.lockstep.simulation.disk;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Outcome;
import io.lockstep.replication.store.RowStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The model keeps the law of {@link RowStore}; a wrong model is noticed. */
class SimRowsTest extends RowStoreContract {
  private static final int SEEDS = 10;

  @Override
  RowMedium medium() {
    return new SimMedium();
  }

  /** Of generated cases, how many notice this medium. */
  private static int noticed(Supplier<RowMedium> medium) throws IOException, Outcome {
    int noticed = 0;
    for (long seed = 1; seed <= SEEDS; seed++) {
      try {
        new RowCase(seed, medium.get()).run();
      } catch (AssertionError e) {
        noticed++;
      }
    }
    return noticed;
  }

  private static RowMedium wrapped(UnaryOperator<RowStore> wrapper) {
    return new SimMedium() {
      @Override
      public RowStore open() {
        return wrapper.apply(super.open());
      }
    };
  }

  @Test
  void syncThatDoesNothingIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    wrapped(
                        rows ->
                            new Wrong(rows) {
                              @Override
                              public void write(Batch batch, boolean sync) throws IOException {
                                rows.write(((Kept) batch).whole(rows), false);
                              }
                            })))
        .isPositive();
  }

  @Test
  void batchInPiecesIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    wrapped(
                        rows ->
                            new Wrong(rows) {
                              @Override
                              public void write(Batch batch, boolean sync) throws IOException {
                                List<Batch> pieces = ((Kept) batch).pieces(rows);
                                for (int i = 0; i < pieces.size(); i++) {
                                  rows.write(pieces.get(i), sync && i == pieces.size() - 1);
                                }
                              }
                            })))
        .isPositive();
  }

  @Test
  void batchInAnotherOrderIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    wrapped(
                        rows ->
                            new Wrong(rows) {
                              @Override
                              public void write(Batch batch, boolean sync) throws IOException {
                                Collections.reverse(((Kept) batch).changes);
                                rows.write(((Kept) batch).whole(rows), sync);
                              }
                            })))
        .isPositive();
  }

  @Test
  void scanWithItsEndIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    wrapped(
                        rows ->
                            new Wrong(rows) {
                              @Override
                              public void scan(byte[] from, byte[] to, Visitor visitor)
                                  throws IOException, Outcome {
                                rows.scan(from, Arrays.copyOf(to, to.length + 1), visitor);
                              }
                            })))
        .isPositive();
  }

  @Test
  void killThatLosesWhatWasWrittenIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    new SimMedium() {
                      @Override
                      public void kill(RowStore run) {
                        losePower(run, new Random(1));
                      }
                    }))
        .isPositive();
  }

  /** Confined to its test. The model with one thing wrong. */
  private static class Wrong extends OtherRows {
    Wrong(RowStore rows) {
      super(rows);
    }

    @Override
    public Batch newBatch() {
      return new Kept();
    }

    @Override
    public void write(Batch batch, boolean sync) throws IOException {
      rows.write(((Kept) batch).whole(rows), sync);
    }
  }

  /** Confined to its test. Changes that can still be made in other ways. */
  private static final class Kept implements RowStore.Batch {
    private interface Change {
      void apply(RowStore.Batch batch);
    }

    private final List<Change> changes = new ArrayList<>();

    RowStore.Batch whole(RowStore rows) {
      RowStore.Batch batch = rows.newBatch();
      changes.forEach(change -> change.apply(batch));
      return batch;
    }

    List<RowStore.Batch> pieces(RowStore rows) {
      List<RowStore.Batch> pieces = new ArrayList<>();
      for (Change change : changes) {
        RowStore.Batch piece = rows.newBatch();
        change.apply(piece);
        pieces.add(piece);
      }
      return pieces;
    }

    @Override
    public void put(byte[] key, byte[] value) {
      changes.add(batch -> batch.put(key, value));
    }

    @Override
    public void delete(byte[] key) {
      changes.add(batch -> batch.delete(key));
    }

    @Override
    public void deleteRange(byte[] from, byte[] to) {
      changes.add(batch -> batch.deleteRange(from, to));
    }

    @Override
    public boolean isEmpty() {
      return changes.isEmpty();
    }

    @Override
    public void close() {}
  }
}

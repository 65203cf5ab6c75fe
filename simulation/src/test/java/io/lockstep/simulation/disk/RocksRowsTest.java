package io.lockstep.simulation.disk;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** The rows of production keep the law that the model keeps. */
class RocksRowsTest extends RowStoreContract {
  @TempDir Path root;

  @Override
  RowMedium medium() throws IOException {
    return new RocksMedium(Files.createTempDirectory(root, "rows"));
  }
}

package io.lockstep.tools.it;

import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Tells the cluster of a test that it failed, so that the logs are printed. */
final class FailureWatch implements AfterTestExecutionCallback {
  /** A test with a cluster. */
  interface WithCluster {
    TestCluster cluster();
  }

  @Override
  public void afterTestExecution(ExtensionContext context) {
    if (context.getExecutionException().isPresent()
        && context.getRequiredTestInstance() instanceof WithCluster test
        && test.cluster() != null) {
      test.cluster().fail();
    }
  }
}

/**
 * What two or more modules need and the JDK does not have: ids, epochs, error codes, limits, clock,
 * agents, checks.
 *
 * <p>Everything here is immutable, except {@link io.lockstep.core.AgentThread}, which says how it
 * is guarded.
 */
package io.lockstep.core;

/**
 * The world that a simulated cluster lives in: one queue of events on virtual time, hosts with
 * clocks of their own, application threads that run one at a time, and a network that fails.
 * Everything happens on one thread, or on an application's thread while that one waits.
 */
package io.lockstep.simulation.world;

/**
 * Checkers of histories: what applications saw, judged against what they were promised. Nothing
 * here knows how the history came about; those of real mounts are judged by the same code.
 */
package io.lockstep.simulation.check;

/** Models in the checkpoints of PyTorch. */
package org.minigpt.pytorch;

# The public names, declared: see refnet/public.py.
from refnet.layers.convolution import Conv1D as Conv1D
from refnet.layers.convolution import Conv1DTranspose as Conv1DTranspose
from refnet.layers.convolution import Conv2D as Conv2D
from refnet.layers.convolution import Conv2DTranspose as Conv2DTranspose
from refnet.layers.convolution import Conv3D as Conv3D
from refnet.layers.convolution import Conv3DTranspose as Conv3DTranspose
from refnet.layers.convolution import DepthwiseConv1D as DepthwiseConv1D
from refnet.layers.convolution import DepthwiseConv2D as DepthwiseConv2D
from refnet.layers.convolution import SeparableConv1D as SeparableConv1D
from refnet.layers.convolution import SeparableConv2D as SeparableConv2D
from refnet.layers.core import Activation as Activation
from refnet.layers.core import Dense as Dense
from refnet.layers.core import Flatten as Flatten
from refnet.layers.functions import ActivityRegularization as ActivityRegularization
from refnet.layers.functions import Identity as Identity
from refnet.layers.functions import Lambda as Lambda
from refnet.layers.functions import Masking as Masking
from refnet.layers.functions import Rescaling as Rescaling
from refnet.layers.input_layer import Input as Input
from refnet.layers.input_layer import InputLayer as InputLayer
from refnet.layers.input_spec import InputSpec as InputSpec
from refnet.layers.layer import Layer as Layer
from refnet.layers.lookup import deserialize as deserialize
from refnet.layers.lookup import serialize as serialize
from refnet.layers.merging import Add as Add
from refnet.layers.merging import Average as Average
from refnet.layers.merging import Concatenate as Concatenate
from refnet.layers.merging import Dot as Dot
from refnet.layers.merging import Maximum as Maximum
from refnet.layers.merging import Minimum as Minimum
from refnet.layers.merging import Multiply as Multiply
from refnet.layers.merging import Subtract as Subtract
from refnet.layers.merging import add as add
from refnet.layers.merging import average as average
from refnet.layers.merging import concatenate as concatenate
from refnet.layers.merging import dot as dot
from refnet.layers.merging import maximum as maximum
from refnet.layers.merging import minimum as minimum
from refnet.layers.merging import multiply as multiply
from refnet.layers.merging import subtract as subtract
from refnet.layers.nonlinear import ELU as ELU
from refnet.layers.nonlinear import LeakyReLU as LeakyReLU
from refnet.layers.nonlinear import PReLU as PReLU
from refnet.layers.nonlinear import ReLU as ReLU
from refnet.layers.nonlinear import Softmax as Softmax
from refnet.layers.normalization import BatchNormalization as BatchNormalization
from refnet.layers.normalization import GroupNormalization as GroupNormalization
from refnet.layers.normalization import LayerNormalization as LayerNormalization
from refnet.layers.normalization import RMSNormalization as RMSNormalization
from refnet.layers.normalization import SpectralNormalization as SpectralNormalization
from refnet.layers.normalization import UnitNormalization as UnitNormalization
from refnet.layers.pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
from refnet.layers.pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
from refnet.layers.pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
from refnet.layers.pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
from refnet.layers.pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
from refnet.layers.pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
from refnet.layers.pooling import AveragePooling1D as AveragePooling1D
from refnet.layers.pooling import AveragePooling2D as AveragePooling2D
from refnet.layers.pooling import AveragePooling3D as AveragePooling3D
from refnet.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from refnet.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from refnet.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from refnet.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from refnet.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from refnet.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
from refnet.layers.pooling import MaxPooling1D as MaxPooling1D
from refnet.layers.pooling import MaxPooling2D as MaxPooling2D
from refnet.layers.pooling import MaxPooling3D as MaxPooling3D
from refnet.layers.regularization import Dropout as Dropout
from refnet.layers.regularization import SpatialDropout1D as SpatialDropout1D
from refnet.layers.regularization import SpatialDropout2D as SpatialDropout2D
from refnet.layers.regularization import SpatialDropout3D as SpatialDropout3D
from refnet.layers.reshaping import CenterCrop as CenterCrop
from refnet.layers.reshaping import Cropping1D as Cropping1D
from refnet.layers.reshaping import Cropping2D as Cropping2D
from refnet.layers.reshaping import Cropping3D as Cropping3D
from refnet.layers.reshaping import Resizing as Resizing
from refnet.layers.reshaping import UpSampling1D as UpSampling1D
from refnet.layers.reshaping import UpSampling2D as UpSampling2D
from refnet.layers.reshaping import UpSampling3D as UpSampling3D
from refnet.layers.reshaping import ZeroPadding1D as ZeroPadding1D
from refnet.layers.reshaping import ZeroPadding2D as ZeroPadding2D
from refnet.layers.reshaping import ZeroPadding3D as ZeroPadding3D
from refnet.layers.reshaping.shape import Permute as Permute
from refnet.layers.reshaping.shape import RepeatVector as RepeatVector
from refnet.layers.reshaping.shape import Reshape as Reshape
from refnet.layers.wrapper import Wrapper as Wrapper

# Keras' other names for the same
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
